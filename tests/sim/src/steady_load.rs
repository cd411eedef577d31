//! A time in which the load goes on and nothing fails: whatever works behind the write path has to keep up with it.
//!
//! Owns: what is due when, for compaction, retention and a consumer that begins far behind; records how far each has
//! come ([`Progress`]). Does not own: the judgement, which is the checker's. It reads the metastore without faults and
//! without latency, so that the run goes on as if nobody looked.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::topics::Topic;
use alluvium_model::log::Head;
use alluvium_model::log::retention::{RetainedLog, Retention};
use alluvium_model::topic_config::TopicConfigs;
use alluvium_model::{Extent, ExtentSource, Offset, Timestamp, TopicPartition};
use alluvium_runtime::Clock;
use tokio::time::{Instant, sleep, timeout_at};

use crate::clients::{Client, Fetched, Fetcher, Reply};
use crate::history::{EventKind, Isolation, Position, Progress, Upkeep};
use crate::node::Environment;
use crate::recorder::{Recorder, SYSTEM};
use crate::time::SimClock;

/// Pause between two looks at the metastore.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Time in which data that is old enough is compacted: some intervals of planning, the leases of compactors that died,
/// a survey after a start, and a back-off.
const COMPACTION_MAX: Duration = Duration::from_secs(60);
/// Time in which retention takes what it should: also its wait after a start, and the longest check interval.
const RETENTION_MAX: Duration = Duration::from_secs(90);
/// Time in which a consumer reads a partition from its log start to what was its end when the consumer began.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);
/// How long the load goes on: longer than all of these.
const DURATION: Duration = Duration::from_secs(120);
/// Pause of the consumer after an error.
const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// Extents read at once.
const PAGE_EXTENTS: usize = 10_000;

/// Steady load, from now on.
pub struct SteadyLoad<'a> {
    /// What all machines share.
    pub environment: &'a Environment,
    /// The metastore, without faults.
    pub metastore: Metastore,
    /// Where it records.
    pub recorder: Recorder,
    /// The consumer that begins far behind.
    pub consumer: Client,
}

/// What each work was due to have done, by the times of the looks, oldest first.
type DuePlaces = BTreeMap<(Upkeep, TopicPartition), VecDeque<(Duration, Offset)>>;

impl SteadyLoad<'_> {
    /// Watches the work while the load goes on.
    ///
    /// # Errors
    /// If the metastore cannot be read.
    pub async fn run(&self) -> anyhow::Result<()> {
        let (watched, read) = tokio::join!(self.watch(), self.catch_up());
        watched.and(read)
    }

    async fn watch(&self) -> anyhow::Result<()> {
        let end = Instant::now() + DURATION;
        let compacts = self.environment.plan.nodes.iter().any(|node| node.compacts);
        let mut due = DuePlaces::new();
        while compacts && Instant::now() < end {
            for topic in self.metastore.topics.list().await? {
                for partition in topic.all_partitions() {
                    self.look(&topic, partition, &mut due).await?;
                }
            }
            sleep(LOOK_INTERVAL).await;
        }
        tokio::time::sleep_until(end).await;
        Ok(())
    }

    /// Looks at one partition.
    async fn look(&self, topic: &Topic, partition: TopicPartition, due: &mut DuePlaces) -> anyhow::Result<()> {
        let log = &self.metastore.log;
        let Some(head) = log.head(partition).await? else { return Ok(()) };
        let bytes = log.sizes(&[partition]).await?.pop().flatten().unwrap_or(0);
        let extents = log.find(partition, head.start, PAGE_EXTENTS).await?;
        let now = SimClock::new(self.environment.origin).now();
        let compactor = &self.environment.plan.compactor;
        let age = compactor.compact_age_max.max(compactor.compact_small_age_max);
        let ripe = ripe_until(&extents, head, |extent| extent.object.created().plus(age) <= now);
        let level_0 = extents.iter().find(|extent| is_segment(extent));
        let level_0 = level_0.map_or(head.next, |extent| extent.offsets.start);
        let expired = expired_until(topic, head, bytes, &extents, now);
        self.record(due, (Upkeep::Compaction, partition), (level_0, ripe), COMPACTION_MAX);
        self.record(due, (Upkeep::Retention, partition), (head.start, expired), RETENTION_MAX);
        Ok(())
    }

    /// Records how far a work has come, `at`, if it was due at each look for so long as it may take; `now_due` is what
    /// is due now.
    fn record(
        &self,
        due: &mut DuePlaces,
        work: (Upkeep, TopicPartition),
        (at, now_due): (Offset, Offset),
        time_max: Duration,
    ) {
        let now = self.recorder.now();
        let places = due.entry(work).or_default();
        places.push_back((now, now_due));
        while places.get(1).is_some_and(|(since, _)| *since + time_max <= now) {
            places.pop_front();
        }
        let least = places.iter().map(|(_, place)| *place).min();
        if let (Some((since, _)), Some(least)) = (places.front().filter(|(since, _)| *since + time_max <= now), least) {
            let (work, partition) = work;
            let progress = Progress { work, partition, at, due: least, since: *since };
            self.recorder.record(SYSTEM, EventKind::Progress(progress));
        }
    }

    /// Reads every partition from its log start to its present end.
    async fn catch_up(&self) -> anyhow::Result<()> {
        let mut routes = self.consumer.routes();
        for topic in self.metastore.topics.list().await? {
            // Deleted meanwhile: there is nothing to read.
            let Ok(layout) = routes.topic(&topic.name).await else { continue };
            let (max_wait, isolation) = (Duration::ZERO, Isolation::ReadUncommitted);
            let fetcher = Fetcher { topic: layout, max_wait, partition_bytes_max: 1 << 20, isolation };
            for partition in (0..).take(fetcher.topic.leaders.len()) {
                let name = fetcher.name(partition);
                let Some(head) = self.metastore.log.head(name).await? else { continue };
                let (began, deadline) = (self.recorder.now(), Instant::now() + CATCH_UP_MAX);
                let mut at = head.start;
                // If it takes too long, the place that it has come to says so.
                let _ = timeout_at(deadline, self.read(&mut routes, &fetcher, partition, head.next, &mut at)).await;
                if self.metastore.log.head(name).await?.is_some() {
                    let work = Upkeep::CatchUp;
                    let progress = Progress { work, partition: name, at, due: head.next, since: began };
                    self.recorder.record(SYSTEM, EventKind::Progress(progress));
                }
            }
        }
        Ok(())
    }

    /// Reads one partition from `at`, which it keeps up to date, to `end`.
    async fn read(
        &self,
        routes: &mut alluvium_client::ConnectionPool,
        fetcher: &Fetcher,
        partition: i32,
        end: Offset,
        at: &mut Offset,
    ) {
        let (client, name) = (&self.consumer, fetcher.name(partition));
        let address = usize::try_from(partition).ok().and_then(|place| fetcher.topic.leaders.get(place)).cloned();
        let Some(address) = address else { return };
        let positioned =
            |to| client.recorder.record(client.actor, EventKind::Positioned(Position { partition: name, to }));
        positioned(*at);
        while *at < end {
            let began = client.recorder.now();
            let fetched = fetcher.fetch(routes, &address, &[(partition, at.0)], began).await;
            match fetched.ok().and_then(|fetched| fetched.into_iter().next()) {
                Some(Fetched { reply: Reply::Polled(poll), .. }) => {
                    *at = poll.next;
                    client.recorder.record(client.actor, EventKind::Polled(poll));
                }
                Some(Fetched { reply: Reply::OutOfRange, .. }) => {
                    if let Ok(start) = fetcher.start(routes, &address, partition).await {
                        *at = Offset(start);
                        positioned(*at);
                    }
                }
                Some(Fetched { reply: Reply::Refused(_), .. }) | None => sleep(ERROR_PAUSE).await,
            }
        }
    }
}

fn is_segment(extent: &Extent) -> bool {
    matches!(extent.source, ExtentSource::Segment { .. })
}

/// The end of the stable extents at level 0 that satisfy `is_ripe`, without gaps from the first one on.
fn ripe_until(extents: &[Extent], head: Head, is_ripe: impl Fn(&Extent) -> bool) -> Offset {
    let level_0 = extents.iter().filter(|extent| is_segment(extent));
    let ripe = level_0.take_while(|extent| extent.offsets.end <= head.stable && is_ripe(extent));
    ripe.last().map_or(head.start, |extent| extent.offsets.end)
}

/// Where the log should start by the rules of the topic.
fn expired_until(topic: &Topic, head: Head, bytes: u64, extents: &[Extent], now: Timestamp) -> Offset {
    let configs = TopicConfigs::of_stored(&topic.configs);
    let log = RetainedLog { start: head.start, stable: head.stable, bytes };
    let mut rule = Retention::new(&configs, log, now);
    extents.iter().for_each(|extent| rule.push(extent));
    rule.decide(extents.len() < PAGE_EXTENTS).start
}
