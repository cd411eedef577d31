//! Looking at all partitions: which of them have work, at the price of one head row for each that has none.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_metastore::Error;
use alluvium_metastore::log::Log;
use alluvium_metastore::topics::{Topic, Topics};
use alluvium_model::log::Head;
use alluvium_model::{Extent, ObjectId, Offset, Timestamp, TopicPartition};

use crate::plan::{self, Job, Lag, Policy, Urgency, Work};

/// Heads read at once.
const HEADS_MAX: usize = 1_000;
/// Extents read at once.
const PAGE_EXTENTS: usize = 1_000;
/// Extents of one partition looked at in one pass (about 200 B each); the next pass goes on.
const PARTITION_EXTENTS_MAX: usize = 20_000;
/// Extents given out as work in one pass.
const PASS_EXTENTS_MAX: usize = 200_000;
/// Broken extents remembered; when there are more, all are tried again.
const BROKEN_MAX: usize = 10_000;

/// Up to where "everything" goes: the stable offsets when it began, so that it ends though producers go on.
pub(crate) type Horizon = HashMap<TopicPartition, Offset>;

/// Finds work, and remembers where there was none.
pub(crate) struct Survey {
    topics: Topics,
    log: Log,
    policy: Policy,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    partitions: HashMap<TopicPartition, Seen>,
    /// Extents that cannot be read: they stay as they are, so that their partition goes on around them.
    broken: HashSet<(TopicPartition, ObjectId)>,
}

/// What a partition looked like when its extents were last read.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Timestamp,
    head: Head,
    /// The newest head seen, without reading extents.
    latest: Head,
    lag: Lag,
    settled: Offset,
    had_work: bool,
}

impl Seen {
    /// Bytes that came since.
    fn grown(&self) -> u64 {
        self.latest.bytes.saturating_sub(self.head.bytes)
    }

    /// Whether nothing can have become ripe since.
    fn is_still_quiet(&self, policy: &Policy, now: Timestamp) -> bool {
        let oldest = self.lag.oldest.unwrap_or(self.at);
        let has_lag = self.lag.extents > 0 || self.latest.next > self.head.next;
        let is_ripe =
            self.lag.bytes.saturating_add(self.grown()) >= policy.bytes_min || oldest.plus(policy.age_max) <= now;
        !self.had_work && self.latest.start == self.head.start && !(has_lag && is_ripe)
    }
}

impl Survey {
    pub(crate) fn new(topics: Topics, log: Log, policy: Policy) -> Self {
        Self { topics, log, policy, memory: Mutex::default() }
    }

    /// The topics there are, with the heads of their partitions.
    pub(crate) async fn topics(&self) -> Result<Vec<(Topic, Vec<(TopicPartition, Head)>)>, Error> {
        let mut found = Vec::new();
        for topic in self.topics.list().await? {
            let partitions: Vec<TopicPartition> = topic.all_partitions().collect();
            let mut heads = Vec::with_capacity(partitions.len());
            for page in partitions.chunks(HEADS_MAX) {
                let read = self.log.heads(page).await?;
                heads.extend(page.iter().copied().zip(read).filter_map(|(partition, head)| Some((partition, head?))));
            }
            found.push((topic, heads));
        }
        Ok(found)
    }

    /// Up to where everything goes that is stable now.
    pub(crate) async fn horizon(&self) -> Result<Horizon, Error> {
        let topics = self.topics().await?;
        Ok(topics.into_iter().flat_map(|(_, heads)| heads).map(|(partition, head)| (partition, head.stable)).collect())
    }

    /// Jobs to do now: with a horizon everything up to there, otherwise what is ripe; of partitions that `belong` only.
    pub(crate) async fn jobs(
        &self,
        horizon: Option<&Horizon>,
        belongs: impl Fn(TopicPartition) -> bool,
        now: Timestamp,
    ) -> Result<Vec<Job>, Error> {
        let (mut rewrites, mut merges, mut extents) = (Vec::new(), Vec::new(), 0);
        let mut topics = self.topics().await?;
        for (_, heads) in &mut topics {
            heads.retain(|(partition, _)| belongs(*partition));
        }
        self.forget_all_but(&topics);
        for (topic, heads) in &topics {
            for (partition, head) in heads {
                if extents > PASS_EXTENTS_MAX {
                    break;
                }
                let works = self.partition(topic, *partition, *head, horizon, now).await?;
                extents += works.rewrites.iter().chain(&works.merges).map(|work| work.inputs.len()).sum::<usize>();
                rewrites.extend(works.rewrites);
                merges.extend(works.merges.into_iter().map(Job::Merge));
            }
        }
        let mut jobs = plan::pack(rewrites, self.policy.file_bytes_target);
        jobs.extend(merges);
        Ok(jobs)
    }

    /// Bytes and extents at level 0 in the partitions that belong here, as of the last look at each.
    pub(crate) fn lag(&self) -> (u64, u64) {
        let memory = self.memory();
        memory.partitions.values().fold((0, 0), |(bytes, extents), seen| {
            (bytes + seen.lag.bytes.saturating_add(seen.grown()), extents + seen.lag.extents)
        })
    }

    /// Remembers that `extent` cannot be read.
    pub(crate) fn set_broken(&self, partition: TopicPartition, extent: &Extent) {
        let mut memory = self.memory();
        if memory.broken.len() >= BROKEN_MAX {
            memory.broken.clear();
        }
        memory.broken.insert((partition, extent.object));
    }

    async fn partition(
        &self,
        topic: &Topic,
        partition: TopicPartition,
        head: Head,
        horizon: Option<&Horizon>,
        now: Timestamp,
    ) -> Result<Works, Error> {
        let seen = self.memory().partitions.get_mut(&partition).map(|seen| {
            seen.latest = head;
            *seen
        });
        let urgency = if horizon.is_some() { Urgency::Everything } else { Urgency::Ripe };
        let is_quiet = seen.is_some_and(|seen| seen.is_still_quiet(&self.policy, now));
        if head.is_empty() || (is_quiet && urgency == Urgency::Ripe) {
            return Ok(Works::default());
        }
        let end = match horizon {
            None => head.stable,
            Some(horizon) => horizon.get(&partition).copied().unwrap_or(Offset(0)).min(head.stable),
        };
        let settled = seen.map_or(head.start, |seen| seen.settled.max(head.start));
        let extents = self.extents(partition, settled, end).await?;
        let plan = {
            let memory = self.memory();
            let is_broken = |extent: &Extent| memory.broken.contains(&(partition, extent.object));
            plan::plan(&extents, &self.policy, urgency, now, is_broken)
        };
        let work = |range: &std::ops::Range<usize>| Work {
            topic: topic.name.clone(),
            partition,
            log_start: head.start,
            inputs: extents[range.clone()].to_vec(),
        };
        let works = Works {
            rewrites: plan.rewrites.iter().map(work).collect(),
            merges: plan.merges.iter().map(work).collect(),
        };
        let had_work = !works.rewrites.is_empty() || !works.merges.is_empty();
        let seen = Seen { at: now, head, latest: head, lag: plan.lag, settled: plan.settled.max(settled), had_work };
        self.memory().partitions.insert(partition, seen);
        Ok(works)
    }

    /// The extents from `from` on that end at `end` at the latest.
    async fn extents(&self, partition: TopicPartition, from: Offset, end: Offset) -> Result<Vec<Extent>, Error> {
        let mut extents: Vec<Extent> = Vec::new();
        let mut next = from;
        while next < end && extents.len() < PARTITION_EXTENTS_MAX {
            let page = self.log.find(partition, next, PAGE_EXTENTS).await?;
            let Some(last) = page.last() else { break };
            next = last.offsets.end;
            let is_last = page.len() < PAGE_EXTENTS;
            extents.extend(page.into_iter().filter(|extent| extent.offsets.end <= end));
            if is_last {
                break;
            }
        }
        Ok(extents)
    }

    fn forget_all_but(&self, topics: &[(Topic, Vec<(TopicPartition, Head)>)]) {
        let known: HashSet<TopicPartition> =
            topics.iter().flat_map(|(_, heads)| heads).map(|(partition, _)| *partition).collect();
        let mut memory = self.memory();
        memory.partitions.retain(|partition, _| known.contains(partition));
        memory.broken.retain(|(partition, _)| known.contains(partition));
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The work of one partition.
#[derive(Default)]
struct Works {
    rewrites: Vec<Work>,
    merges: Vec<Work>,
}
