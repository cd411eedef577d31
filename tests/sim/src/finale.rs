//! The end of a run: everything heals, all work ends, everything is read back from everyone, compacted, and read back again;
//! then all that is due for deletion has its time, and what is left in the store is listed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alluvium_client::{ClientError, ConnectionPool, TopicLayout};
use alluvium_compactor::{Compactor, CompactorConfig};
use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, Faults};
use alluvium_metastore::nodes::{NewNode, Session};
use alluvium_model::{AgentId, Offset, Timestamp, TopicPartition, object_key};
use alluvium_objects::faults::{BucketFaults, BucketFaultSwitch};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::{Clock, SeededRng};
use tokio_util::sync::CancellationToken;

use crate::clients::{Client, Fetched, Fetcher, Reply, keep_for_ever};
use crate::history::{FinalObjects, Happening, LiveExtent, Phase, Readback, Seen};
use crate::node::{Ground, Machine};
use crate::recorder::{Recorder, SYSTEM};
use crate::time::SimClock;

/// Time in which everything that works again has to answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time for reading back one partition: whatever an agent does not have in memory takes a round trip for each object.
const READ_PATIENCE: Duration = Duration::from_secs(400);
/// After a reading back that failed.
const READ_PAUSE: Duration = Duration::from_secs(5);
/// Fetches of one reading back: far more than any run fills.
const FETCHES_MAX: usize = 100_000;
/// Extents read at once.
const EXTENTS_MAX: usize = 10_000;
/// By how much the clock is set forward before each of the last rounds: above every age and grace.
const LAST_JUMP: Duration = Duration::from_secs(3 * 3_600);
/// Rounds of the last compactor; each has its work done by the one before, in the end.
const LAST_ROUNDS: usize = 3;

/// One who looks at the end.
pub struct Auditor<'a> {
    /// What all share.
    pub ground: &'a Ground,
    /// Machines, all healed.
    pub machines: &'a [Machine],
    /// Whom it is told.
    pub recorder: Recorder,
    /// As whom it reads.
    pub client: Client,
}

/// A compactor of its own, without faults.
struct Janitor {
    compactor: Compactor,
    metastore: Metastore,
    session: Session,
    clock: Arc<SimClock>,
    cancel: CancellationToken,
}

impl Auditor<'_> {
    /// Everything of the end.
    pub async fn audit(&mut self, seed: u64) {
        let topics = self.await_agents().await;
        self.read_back_all(&topics, Phase::BeforeCompaction).await;
        if let Err(error) = keep_for_ever(&self.client, &self.ground.plan.topics).await {
            self.stuck(format!("retention does not end: {error}"));
        }
        let janitor = match self.janitor(seed).await {
            Ok(janitor) => janitor,
            Err(error) => return self.stuck(format!("the last compactor does not start: {error}")),
        };
        self.compact(&janitor).await;
        let topics = self.await_agents().await;
        self.read_back_all(&topics, Phase::AfterCompaction).await;
        for machine in self.machines {
            machine.stop().await;
        }
        for _ in 0..LAST_ROUNDS {
            janitor.clock.jump(LAST_JUMP);
            // What a process that was killed had claimed is free once its registration has expired.
            tokio::time::sleep(2 * self.ground.plan.session.expiry).await;
            self.compact(&janitor).await;
        }
        self.list_objects(&janitor).await;
        janitor.cancel.cancel();
        janitor.session.leave().await;
    }

    /// Waits until every agent answers for every topic; what they say.
    async fn await_agents(&self) -> Vec<(String, Vec<TopicLayout>)> {
        let mut answers = Vec::new();
        for address in self.machines.iter().filter_map(Machine::address) {
            match tokio::time::timeout(PATIENCE, self.layouts(&address)).await {
                Ok(layouts) => answers.push((address, layouts)),
                Err(_) => self.stuck(format!("{address} does not answer")),
            }
        }
        answers
    }

    async fn layouts(&self, address: &str) -> Vec<TopicLayout> {
        let mut routes = self.routes(address);
        let mut layouts = Vec::new();
        for name in &self.client.topics {
            loop {
                match routes.topic(name).await {
                    Ok(layout) => {
                        layouts.push(layout);
                        break;
                    }
                    // Deleted and not created again.
                    Err(ClientError::Broker { .. }) => break,
                    Err(_) => {}
                }
            }
        }
        layouts
    }

    /// A way to one agent and to no other.
    fn routes(&self, address: &str) -> ConnectionPool {
        let config = self.client.routes().config().clone();
        ConnectionPool::new(
            self.client.network.transport(self.client.place.clone()),
            vec![address.to_owned()],
            "auditor",
            config,
        )
    }

    async fn read_back_all(&self, answers: &[(String, Vec<TopicLayout>)], phase: Phase) {
        for (address, layouts) in answers {
            let mut routes = self.routes(address);
            for layout in layouts {
                for partition in (0..).take(layout.leaders.len()) {
                    let reading = self.read_back(&mut routes, address, layout, partition, phase);
                    match tokio::time::timeout(READ_PATIENCE, reading).await {
                        Ok(readback) => self.recorder.record(SYSTEM, Happening::Readback(readback)),
                        Err(_) => self.stuck(format!("reading {} {partition} from {address}", layout.name)),
                    }
                }
            }
        }
    }

    /// Reads a whole partition, and again where it fails.
    async fn read_back(
        &self,
        routes: &mut ConnectionPool,
        address: &str,
        layout: &TopicLayout,
        partition: i32,
        phase: Phase,
    ) -> Readback {
        let fetcher = Fetcher { topic: layout.clone(), max_wait: Duration::ZERO, partition_bytes_max: 1 << 20 };
        loop {
            if let Some(readback) = self.try_read_back(routes, address, &fetcher, partition, phase).await {
                return readback;
            }
            tokio::time::sleep(READ_PAUSE).await;
        }
    }

    async fn try_read_back(
        &self,
        routes: &mut ConnectionPool,
        address: &str,
        fetcher: &Fetcher,
        partition: i32,
        phase: Phase,
    ) -> Option<Readback> {
        let began = self.recorder.now();
        // The agent that answers is known by its id, which metadata tell.
        routes.topic(&fetcher.topic.name).await.ok()?;
        let agent = AgentId(routes.broker_at(address).unwrap_or(-1));
        let log_start = fetcher.start(routes, address, partition).await.ok()?;
        let (mut next, mut records): (i64, Vec<Seen>) = (log_start, Vec::new());
        for _ in 0..FETCHES_MAX {
            let fetched = fetcher.fetch(routes, address, &[(partition, next)], began).await.ok()?;
            let Some(Fetched { reply: Reply::Polled(poll), .. }) = fetched.into_iter().next() else { return None };
            records.extend(poll.records);
            if poll.next.0 == next && poll.high_watermark.0 <= next {
                return Some(Readback {
                    began,
                    partition: fetcher.name(partition),
                    agent,
                    phase,
                    isolation: poll.isolation,
                    log_start: Offset(log_start),
                    records,
                    markers: Vec::new(),
                    high_watermark: poll.high_watermark,
                    stable: poll.stable,
                });
            }
            next = poll.next.0;
        }
        None
    }

    async fn janitor(&self, seed: u64) -> anyhow::Result<Janitor> {
        let rng = Arc::new(SeededRng::new(seed));
        let db = Db::new(Arc::new(self.ground.engine.for_other_process(Faults::none())), rng.clone());
        let metastore = Metastore::open(db, &*rng).await?;
        let clock = Arc::new(SimClock::new(self.ground.origin));
        let new =
            NewNode { id: None, zone: None, kafka: None, http: None, compacts: true, version: "simulated".to_owned() };
        let session = self.ground.plan.session.clone();
        let opened = Session::open(metastore.nodes.clone(), new, session, clock.clone(), rng.clone());
        let session = opened.await?;
        let cancel = CancellationToken::new();
        tokio::spawn(session.clone().run(cancel.clone()));
        let keeps_deleted = self.ground.plan.store.keeps_deleted;
        let trouble = BucketFaultSwitch::new(BucketFaults { keeps_deleted, ..BucketFaults::default() }, seed);
        let objects = Objects::new(self.ground.bucket.client(trouble), "", ObjectsConfig::default());
        let config = CompactorConfig { sweep_deletes_max: 100_000, ..self.ground.plan.compactor.clone() };
        let compactor = Compactor::new(metastore.clone(), objects, config, session.clone(), clock.clone(), rng);
        Ok(Janitor { compactor, metastore, session, clock, cancel })
    }

    async fn compact(&self, janitor: &Janitor) {
        let Ok(report) = tokio::time::timeout(5 * PATIENCE, janitor.compactor.run_once()).await else {
            return self.stuck("the last compactor does not come to an end".to_owned());
        };
        tracing::debug!(?report, "compacted");
    }

    async fn list_objects(&self, janitor: &Janitor) {
        match objects(self.ground, &janitor.metastore, janitor.clock.now()).await {
            Ok(found) => self.recorder.record(SYSTEM, Happening::FinalObjects(found)),
            Err(error) => self.stuck(format!("the last look at the metastore: {error}")),
        }
    }

    fn stuck(&self, what: String) {
        self.recorder.record(SYSTEM, Happening::Stuck(what));
    }
}

/// What lies in the store, and what the metastore says of it.
async fn objects(ground: &Ground, metastore: &Metastore, now: Timestamp) -> anyhow::Result<FinalObjects> {
    let mut found = FinalObjects::default();
    for topic in metastore.topics.list().await? {
        for partition in topic.all_partitions() {
            found.live.extend(live(metastore, partition).await?);
        }
    }
    for key in ground.bucket.keys() {
        match object_key::parse(&key) {
            Some(object) => found.stored.push(object),
            None => found.strange.push(key),
        }
    }
    let far = now.plus(LAST_JUMP);
    found.retired = metastore.objects.retired_due(far, EXTENTS_MAX).await?.iter().map(|retired| retired.id).collect();
    Ok(found)
}

async fn live(metastore: &Metastore, partition: TopicPartition) -> anyhow::Result<Vec<LiveExtent>> {
    let mut extents: BTreeMap<Offset, LiveExtent> = BTreeMap::new();
    let mut from = Offset(0);
    loop {
        let page = metastore.log.find(partition, from, EXTENTS_MAX).await?;
        let Some(last) = page.last() else { break };
        from = last.offsets.end;
        let is_last = page.len() < EXTENTS_MAX;
        for extent in page {
            let live = LiveExtent { partition, offsets: extent.offsets.clone(), object: extent.object };
            extents.insert(extent.offsets.start, live);
        }
        if is_last {
            break;
        }
    }
    Ok(extents.into_values().collect())
}
