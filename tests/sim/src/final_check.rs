//! The final check of a run, after all faults and all load have ended: transactions that were left open time out, every
//! partition is read back from every agent, compacted, and read back again; then the clock is set forward until
//! everything is due for deletion, what is left in the store is listed, and history files are read as they are.

use std::sync::Arc;
use std::time::Duration;

use alluvium_client::{ClientError, ConnectionPool, TopicLayout};
use alluvium_compactor::{Compactor, CompactorConfig};
use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, KvFaults};
use alluvium_metastore::nodes::{NewNode, Session};
use alluvium_model::transaction::Status;
use alluvium_model::{Offset, ProducerEpoch, ProducerId, Timestamp, object_key};
use alluvium_objects::faults::{BucketFaultSwitch, BucketFaults};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::{Clock, SeededRng};
use tokio_util::sync::CancellationToken;

use crate::clients::{Client, Fetched, Fetcher, Reply, disable_retention};
use crate::history::{AgentAddress, EventKind, FinalObjects, Isolation, LiveExtent, OpenTxn, Phase, Readback};
use crate::history_files::{doubled_parts, extents, read_files};
use crate::node::{Environment, Machine};
use crate::recorder::{Recorder, SYSTEM};
use crate::time::SimClock;

/// Time for an answer, now that everything works again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Time for reading back one partition: what an agent does not have in memory takes a round trip for each object.
const READ_TIMEOUT: Duration = Duration::from_secs(400);
/// Pause after a readback that failed.
const READ_PAUSE: Duration = Duration::from_secs(5);
/// Fetches of one readback: far more than any run needs.
const FETCHES_MAX: usize = 100_000;
/// Retired objects read from the metastore at once.
const RETIRED_MAX: usize = 10_000;
/// How long after its timeout a transaction may be open while nothing fails: agents look every second, and their clocks
/// differ by up to 10 s.
const OVERDUE_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks at open transactions.
const OPEN_PAUSE: Duration = Duration::from_secs(1);
/// By how much the clock is set forward before each of the last rounds: longer than every age and grace period.
const LAST_JUMP: Duration = Duration::from_secs(3 * 3_600);
/// Rounds of the last compactor: what one round makes due for deletion, the next one deletes.
const LAST_ROUNDS: usize = 3;

/// Checks the system at the end of a run.
pub struct FinalCheck<'a> {
    /// What all machines share.
    pub environment: &'a Environment,
    /// The machines, without faults.
    pub machines: &'a [Machine],
    /// Where it records.
    pub recorder: Recorder,
    /// The client as which it reads.
    pub client: Client,
}

/// A compactor whose stores have no faults.
struct FinalCompactor {
    compactor: Compactor,
    metastore: Metastore,
    objects: Objects,
    session: Session,
    clock: Arc<SimClock>,
    cancel: CancellationToken,
}

impl FinalCheck<'_> {
    /// Runs the whole check.
    pub async fn run(&mut self, seed: u64) {
        if let Err(error) = self.await_transactions(seed).await {
            self.stuck(format!("the metastore cannot be read: {error}"));
        }
        let topics = self.await_agents().await;
        self.read_back_all(&topics, Phase::BeforeCompaction).await;
        if let Err(error) = disable_retention(&self.client, &self.environment.plan.topics).await {
            self.stuck(format!("retention does not end: {error}"));
        }
        let final_compactor = match self.final_compactor(seed).await {
            Ok(final_compactor) => final_compactor,
            Err(error) => return self.stuck(format!("the last compactor does not start: {error}")),
        };
        self.compact(&final_compactor).await;
        let topics = self.await_agents().await;
        self.read_back_all(&topics, Phase::AfterCompaction).await;
        for machine in self.machines {
            machine.stop().await;
        }
        for _ in 0..LAST_ROUNDS {
            final_compactor.clock.jump(LAST_JUMP);
            // Leases of a process that was killed are free once its registration has expired.
            tokio::time::sleep(2 * self.environment.plan.session.expiry).await;
            self.compact(&final_compactor).await;
        }
        self.list_objects(&final_compactor).await;
        if self.environment.plan.transactions.is_some() {
            self.read_files(&final_compactor).await;
        }
        final_compactor.cancel.cancel();
        final_compactor.session.leave().await;
    }

    /// Waits until no transaction is open. Those that still are when the timeouts of all have passed are recorded.
    async fn await_transactions(&self, seed: u64) -> anyhow::Result<()> {
        let Some(plan) = self.environment.plan.transactions else { return Ok(()) };
        let rng = Arc::new(SeededRng::new(seed));
        let db = Db::new(Arc::new(self.environment.engine.for_other_process(KvFaults::none())), rng.clone());
        let metastore = Metastore::open(db, &*rng).await?;
        let began = self.recorder.now();
        loop {
            let open = open_transactions(&metastore).await?;
            let waited = self.recorder.now().saturating_sub(began);
            if open.is_empty() {
                return Ok(());
            }
            if let Some(overdue) = waited.checked_sub(plan.timeout_max).filter(|overdue| *overdue > OVERDUE_MAX) {
                for (id, producer) in open {
                    self.recorder.record(SYSTEM, EventKind::OpenTxn(OpenTxn { id, producer, overdue }));
                }
                return Ok(());
            }
            tokio::time::sleep(OPEN_PAUSE).await;
        }
    }

    /// Waits until every agent answers for every topic. Returns the topics as each agent describes them.
    async fn await_agents(&self) -> Vec<(String, Vec<TopicLayout>)> {
        let mut answers = Vec::new();
        for address in self.machines.iter().filter_map(Machine::address) {
            match tokio::time::timeout(ANSWER_TIMEOUT, self.layouts(&address)).await {
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

    /// Connections to one agent only.
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
                    for isolation in self.isolations() {
                        let (max_wait, topic) = (Duration::ZERO, layout.clone());
                        let fetcher = Fetcher { topic, max_wait, partition_bytes_max: 1 << 20, isolation: *isolation };
                        let reading = self.read_back(&mut routes, address, &fetcher, partition, phase);
                        match tokio::time::timeout(READ_TIMEOUT, reading).await {
                            Ok(readback) => self.recorder.record(SYSTEM, EventKind::Readback(readback)),
                            Err(_) => self.stuck(format!("reading {} {partition} from {address}", layout.name)),
                        }
                    }
                }
            }
        }
    }

    /// How every partition is read.
    fn isolations(&self) -> &'static [Isolation] {
        if self.environment.plan.transactions.is_some() {
            &[Isolation::ReadUncommitted, Isolation::ReadCommitted]
        } else {
            &[Isolation::ReadUncommitted]
        }
    }

    /// Reads a whole partition; starts again if that fails.
    async fn read_back(
        &self,
        routes: &mut ConnectionPool,
        address: &str,
        fetcher: &Fetcher,
        partition: i32,
        phase: Phase,
    ) -> Readback {
        loop {
            if let Some(readback) = self.try_read_back(routes, address, fetcher, partition, phase).await {
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
        let log_start = fetcher.start(routes, address, partition).await.ok()?;
        let (mut next, mut records, mut markers) = (log_start, Vec::new(), Vec::new());
        for _ in 0..FETCHES_MAX {
            let fetched = fetcher.fetch(routes, address, &[(partition, next)], began).await.ok()?;
            let Some(Fetched { reply: Reply::Polled(poll), .. }) = fetched.into_iter().next() else { return None };
            records.extend(poll.records);
            markers.extend(poll.markers);
            let end = match poll.isolation {
                Isolation::ReadUncommitted => poll.high_watermark,
                Isolation::ReadCommitted => poll.stable,
            };
            if poll.next.0 == next && end.0 <= next {
                return Some(Readback {
                    began,
                    partition: fetcher.name(partition),
                    agent: AgentAddress::from(address),
                    phase,
                    isolation: poll.isolation,
                    log_start: Offset(log_start),
                    records,
                    markers,
                    high_watermark: poll.high_watermark,
                    stable: poll.stable,
                });
            }
            next = poll.next.0;
        }
        None
    }

    async fn final_compactor(&self, seed: u64) -> anyhow::Result<FinalCompactor> {
        let rng = Arc::new(SeededRng::new(seed));
        let db = Db::new(Arc::new(self.environment.engine.for_other_process(KvFaults::none())), rng.clone());
        let metastore = Metastore::open(db, &*rng).await?;
        let clock = Arc::new(SimClock::new(self.environment.origin));
        let new = NewNode { compacts: true, version: "simulated".to_owned(), ..NewNode::default() };
        let session = self.environment.plan.session.clone();
        let opened = Session::open(metastore.nodes.clone(), new, session, clock.clone(), rng.clone());
        let session = opened.await?;
        let cancel = CancellationToken::new();
        tokio::spawn(session.clone().run(cancel.clone()));
        let keeps_deleted = self.environment.plan.store.keeps_deleted;
        let bucket_faults = BucketFaultSwitch::new(BucketFaults { keeps_deleted, ..BucketFaults::default() }, seed);
        let objects = Objects::new(self.environment.bucket.client(bucket_faults), "", ObjectsConfig::default());
        let config = CompactorConfig { sweep_deletes_max: 100_000, ..self.environment.plan.compactor.clone() };
        let compactor = Compactor::new(metastore.clone(), objects.clone(), config, session.clone(), clock.clone(), rng);
        Ok(FinalCompactor { compactor, metastore, objects, session, clock, cancel })
    }

    async fn compact(&self, final_compactor: &FinalCompactor) {
        let Ok(report) = tokio::time::timeout(5 * ANSWER_TIMEOUT, final_compactor.compactor.run_once()).await else {
            return self.stuck("the last compactor does not come to an end".to_owned());
        };
        tracing::debug!(?report, "compacted");
    }

    async fn list_objects(&self, final_compactor: &FinalCompactor) {
        match objects(self.environment, &final_compactor.metastore, final_compactor.clock.now()).await {
            Ok(found) => self.recorder.record(SYSTEM, EventKind::FinalObjects(found)),
            Err(error) => self.stuck(format!("the last look at the metastore: {error}")),
        }
    }

    /// Reads what history files hold, as analytics engines do.
    async fn read_files(&self, final_compactor: &FinalCompactor) {
        let began = self.recorder.now();
        match read_files(&final_compactor.metastore, &final_compactor.objects, began).await {
            Ok(readbacks) => {
                readbacks.into_iter().for_each(|read| self.recorder.record(SYSTEM, EventKind::Readback(read)));
            }
            Err(error) => self.stuck(format!("history files cannot be read: {error}")),
        }
    }

    fn stuck(&self, what: String) {
        self.recorder.record(SYSTEM, EventKind::Stuck(what));
    }
}

/// The objects in the store, and the extents and retired objects in the metastore.
async fn objects(environment: &Environment, metastore: &Metastore, now: Timestamp) -> anyhow::Result<FinalObjects> {
    let mut found = FinalObjects::default();
    for topic in metastore.topics.list().await? {
        let mut live = Vec::new();
        for partition in topic.all_partitions() {
            live.extend(extents(metastore, partition).await?.into_iter().map(|extent| LiveExtent {
                partition,
                object: (!extent.is_marker()).then_some(extent.object),
                is_shared: extent.is_shared(),
                offsets: extent.offsets,
            }));
        }
        let no_faults = BucketFaultSwitch::new(BucketFaults::default(), 0);
        let objects = Objects::new(environment.bucket.client(no_faults), "", ObjectsConfig::default());
        found.doubled.extend(doubled_parts(metastore, &objects, &topic, &live).await?);
        found.live.extend(live);
    }
    for key in environment.bucket.keys() {
        match object_key::parse(&key) {
            Some(object) => found.stored.push(object),
            None => found.strange.push(key),
        }
    }
    let far = now.plus(LAST_JUMP);
    found.retired = metastore.objects.retired_due(far, RETIRED_MAX).await?.iter().map(|retired| retired.id).collect();
    Ok(found)
}

/// The transactional ids and producers of all open transactions.
async fn open_transactions(metastore: &Metastore) -> anyhow::Result<Vec<(String, (ProducerId, ProducerEpoch))>> {
    let (mut open, mut after) = (Vec::new(), None);
    loop {
        let page = metastore.transactions.list(after, usize::MAX).await?;
        let ongoing = page.transactions.iter().filter(|stored| matches!(stored.state.status, Status::Ongoing { .. }));
        open.extend(ongoing.map(|stored| {
            let producer = stored.state.producer;
            (stored.id.as_str().to_owned(), (producer.id, producer.epoch))
        }));
        after = page.next;
        if after.is_none() {
            return Ok(open);
        }
    }
}
