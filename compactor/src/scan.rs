//! Scans all partitions for work. A partition without work costs one read of its head row.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_metastore::Error;
use alluvium_metastore::log::Log;
use alluvium_metastore::topics::{Topic, Topics};
use alluvium_model::log::Head;
use alluvium_model::{Extent, ObjectId, Offset, Timestamp, TopicPartition};

use crate::plan::{self, Compaction, Job, Lag, PartitionPlan, Policy, Selection};

/// Heads read in one request.
const HEADS_MAX: usize = 1_000;
/// Extents read in one request.
const PAGE_EXTENTS: usize = 1_000;
/// Extents of one partition read in one pass (about 200 B each); the next pass continues.
const PARTITION_EXTENTS_MAX: usize = 20_000;
/// Extents planned for compaction in one pass.
const PASS_EXTENTS_MAX: usize = 200_000;
/// Broken extents remembered; if there are more, all are tried again.
const BROKEN_MAX: usize = 10_000;

/// Where a round over all work ends: the stable offsets at its start, so that it ends although producers continue.
pub(crate) type EndOffsets = HashMap<TopicPartition, Offset>;

/// Finds work, and remembers which partitions had none.
pub(crate) struct Scan {
    topics: Topics,
    log: Log,
    policy: Policy,
    state: Mutex<ScanState>,
}

#[derive(Default)]
struct ScanState {
    partitions: HashMap<TopicPartition, LastScan>,
    /// Extents that cannot be read. They stay as they are, and the rest of their partition is compacted.
    broken: HashSet<(TopicPartition, ObjectId)>,
}

/// The last scan of a partition that read its extents.
#[derive(Clone, Copy, Debug)]
struct LastScan {
    /// The time of the scan, ms.
    time: Timestamp,
    /// The head that it read.
    head: Head,
    /// The newest head read since then, without extents.
    latest: Head,
    lag: Lag,
    compacted_through: Offset,
    had_work: bool,
}

impl LastScan {
    /// Bytes appended since that scan.
    fn new_bytes(&self) -> u64 {
        self.latest.appended.saturating_sub(self.head.appended)
    }

    /// Whether no extent can have become eligible since that scan.
    fn is_current(&self, policy: &Policy, now: Timestamp) -> bool {
        let oldest = self.lag.oldest.unwrap_or(self.time);
        let has_lag = self.lag.extents > 0 || self.latest.next > self.head.next;
        let is_eligible =
            self.lag.bytes.saturating_add(self.new_bytes()) >= policy.bytes_min || oldest.plus(policy.age_max) <= now;
        !self.had_work && self.latest.start == self.head.start && !(has_lag && is_eligible)
    }
}

impl Scan {
    pub(crate) fn new(topics: Topics, log: Log, policy: Policy) -> Self {
        Self { topics, log, policy, state: Mutex::default() }
    }

    /// All topics, with the heads of their partitions.
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

    /// The stable offset of every partition now.
    pub(crate) async fn end_offsets(&self) -> Result<EndOffsets, Error> {
        let topics = self.topics().await?;
        Ok(topics.into_iter().flat_map(|(_, heads)| heads).map(|(partition, head)| (partition, head.stable)).collect())
    }

    /// The jobs to run now in the partitions that satisfy `is_assigned`: with `end_offsets` all work up to there,
    /// otherwise what is eligible.
    pub(crate) async fn jobs(
        &self,
        end_offsets: Option<&EndOffsets>,
        is_assigned: impl Fn(TopicPartition) -> bool,
        now: Timestamp,
    ) -> Result<Vec<Job>, Error> {
        let (mut rewrites, mut merges, mut extents) = (Vec::new(), Vec::new(), 0);
        let mut topics = self.topics().await?;
        for (_, heads) in &mut topics {
            heads.retain(|(partition, _)| is_assigned(*partition));
        }
        self.retain_known(&topics);
        for (topic, heads) in &topics {
            for (partition, head) in heads {
                if extents > PASS_EXTENTS_MAX {
                    break;
                }
                let found = self.scan_partition(topic, *partition, *head, end_offsets, now).await?;
                extents +=
                    found.rewrites.iter().chain(&found.merges).map(|compaction| compaction.inputs.len()).sum::<usize>();
                rewrites.extend(found.rewrites);
                merges.extend(found.merges.into_iter().map(Job::Merge));
            }
        }
        let mut jobs = plan::pack(rewrites, self.policy.file_bytes_target);
        jobs.extend(merges);
        Ok(jobs)
    }

    /// Bytes and extents at level 0 in the assigned partitions, as of the last scan of each.
    pub(crate) fn lag(&self) -> (u64, u64) {
        let state = self.state();
        state.partitions.values().fold((0, 0), |(bytes, extents), last| {
            (bytes + last.lag.bytes.saturating_add(last.new_bytes()), extents + last.lag.extents)
        })
    }

    /// Remembers that `extent` cannot be read.
    pub(crate) fn set_broken(&self, partition: TopicPartition, extent: &Extent) {
        let mut state = self.state();
        if state.broken.len() >= BROKEN_MAX {
            state.broken.clear();
        }
        state.broken.insert((partition, extent.object));
    }

    /// The work of one partition; reads its extents only if some may have become eligible.
    async fn scan_partition(
        &self,
        topic: &Topic,
        partition: TopicPartition,
        head: Head,
        end_offsets: Option<&EndOffsets>,
        now: Timestamp,
    ) -> Result<PartitionWork, Error> {
        let last = self.state().partitions.get_mut(&partition).map(|last| {
            last.latest = head;
            *last
        });
        let selection = if end_offsets.is_some() { Selection::All } else { Selection::Eligible };
        let is_current = last.is_some_and(|last| last.is_current(&self.policy, now));
        if head.is_empty() || (is_current && selection == Selection::Eligible) {
            return Ok(PartitionWork::default());
        }
        let end = match end_offsets {
            None => head.stable,
            Some(end_offsets) => end_offsets.get(&partition).copied().unwrap_or(Offset(0)).min(head.stable),
        };
        let start = last.map_or(head.start, |last| last.compacted_through.max(head.start));
        let extents = self.extents(partition, start, end).await?;
        let plan = self.plan(partition, &extents, selection, now);
        let compaction = |range: &Range<usize>| Compaction {
            topic: topic.name.clone(),
            partition,
            log_start: head.start,
            inputs: extents[range.clone()].to_vec(),
        };
        let work = PartitionWork {
            rewrites: plan.rewrites.iter().map(compaction).collect(),
            merges: plan.merges.iter().map(compaction).collect(),
        };
        let had_work = !work.rewrites.is_empty() || !work.merges.is_empty();
        let compacted_through = plan.compacted_through.max(start);
        let last = LastScan { time: now, head, latest: head, lag: plan.lag, compacted_through, had_work };
        self.state().partitions.insert(partition, last);
        Ok(work)
    }

    /// Plans the compactions of `extents`, without those that are known to be broken.
    fn plan(
        &self,
        partition: TopicPartition,
        extents: &[Extent],
        selection: Selection,
        now: Timestamp,
    ) -> PartitionPlan {
        let state = self.state();
        let is_broken = |extent: &Extent| state.broken.contains(&(partition, extent.object));
        plan::plan(extents, &self.policy, selection, now, is_broken)
    }

    /// The extents from offset `from` on that do not reach beyond `end`.
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

    /// Drops the state of partitions that are not in `topics`.
    fn retain_known(&self, topics: &[(Topic, Vec<(TopicPartition, Head)>)]) {
        let known: HashSet<TopicPartition> =
            topics.iter().flat_map(|(_, heads)| heads).map(|(partition, _)| *partition).collect();
        let mut state = self.state();
        state.partitions.retain(|partition, _| known.contains(partition));
        state.broken.retain(|(partition, _)| known.contains(partition));
    }

    fn state(&self) -> MutexGuard<'_, ScanState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The work of one partition.
#[derive(Default)]
struct PartitionWork {
    rewrites: Vec<Compaction>,
    merges: Vec<Compaction>,
}
