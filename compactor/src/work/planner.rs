//! Reads the extents of a partition and plans its jobs.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alluvium_metastore::Error;
use alluvium_metastore::log::Log;
use alluvium_metastore::topics::{Topic, Topics};
use alluvium_model::log::Head;
use alluvium_model::{Extent, Offset, Timestamp, TopicPartition};

use super::Reading;
use super::broken::BrokenExtents;
use crate::failed_segments::FailedSegments;
use crate::in_flight::BusyExtents;
use crate::plan::{self, Compaction, Policy, Selection};

/// Heads read in one request.
const HEADS_MAX: usize = 1_000;
/// Extents read in one request.
const PAGE_EXTENTS: usize = 1_000;
/// Extents of one partition read for one plan (about 200 B each); the next plan continues.
const PARTITION_EXTENTS_MAX: usize = 20_000;
/// Partitions of which it is remembered how far they are compacted for good (about 60 B each); if there are more, the
/// extents of all are read from their log starts again.
const COMPACTED_MAX: usize = 100_000;

/// Where a round over all work ends: the stable offsets at its start, so that it ends although producers continue.
pub(crate) type EndOffsets = HashMap<TopicPartition, Offset>;

/// Plans partitions.
pub(crate) struct Planner {
    pub(super) topics: Topics,
    pub(super) log: Log,
    policy: Policy,
    failed: Arc<FailedSegments>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    broken: BrokenExtents,
    /// Extents below these offsets never need to be rewritten again.
    compacted_through: BTreeMap<TopicPartition, Offset>,
}

/// A partition that is planned.
#[derive(Clone, Copy)]
pub(crate) struct PlanInput<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) partition: TopicPartition,
    pub(crate) head: Head,
    /// Extents that reach beyond this offset are left out.
    pub(crate) end: Offset,
    pub(crate) selection: Selection,
    /// Bytes of the rewrites, unless the first of them is larger; the rest waits.
    pub(crate) bytes_max: u64,
    /// What jobs are working on.
    pub(crate) in_flight: &'a BusyExtents,
    pub(crate) now: Timestamp,
}

/// The work of one partition, and what was found at level 0.
#[derive(Default)]
pub(crate) struct PartitionWork {
    pub(crate) rewrites: Vec<Compaction>,
    pub(crate) merges: Vec<Compaction>,
    /// Whether a rewrite was due to the longest age alone, and should take others of that kind along.
    pub(crate) is_slow: bool,
    pub(crate) reading: Reading,
}

impl PartitionWork {
    /// What to rewrite and to merge.
    pub(crate) fn compactions(&self) -> impl Iterator<Item = &Compaction> {
        self.rewrites.iter().chain(&self.merges)
    }

    /// Extents to rewrite and to merge.
    pub(crate) fn inputs(&self) -> usize {
        self.compactions().map(|compaction| compaction.inputs.len()).sum()
    }
}

impl Planner {
    pub(crate) fn new(topics: Topics, log: Log, policy: Policy, failed: Arc<FailedSegments>) -> Self {
        Self { topics, log, policy, failed, memory: Mutex::default() }
    }

    /// When data at level 0 is ripe.
    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// The heads of a topic's partitions that hold records.
    pub(crate) async fn heads(&self, topic: &Topic) -> Result<Vec<(TopicPartition, Head)>, Error> {
        let partitions: Vec<TopicPartition> = topic.all_partitions().collect();
        let mut heads = Vec::new();
        for page in partitions.chunks(HEADS_MAX) {
            let read = self.log.heads(page).await?.into_iter();
            let with_records = page.iter().copied().zip(read).filter_map(|(partition, head)| Some((partition, head?)));
            heads.extend(with_records.filter(|(_, head)| !head.is_empty()));
        }
        Ok(heads)
    }

    /// The topic of `partition` and the partition's head; `None` if the topic was deleted.
    pub(crate) async fn partition(&self, partition: TopicPartition) -> Result<Option<(Topic, Head)>, Error> {
        let Some(topic) = self.topics.by_id(partition.topic).await? else { return Ok(None) };
        Ok(self.log.head(partition).await?.map(|head| (topic, head)))
    }

    /// All topics.
    pub(crate) async fn topics(&self) -> Result<Vec<Topic>, Error> {
        self.topics.list().await
    }

    /// The stable offset of every partition that holds records now.
    pub(crate) async fn end_offsets(&self) -> Result<EndOffsets, Error> {
        let mut ends = EndOffsets::new();
        for topic in self.topics().await? {
            ends.extend(self.heads(&topic).await?.into_iter().map(|(partition, head)| (partition, head.stable)));
        }
        Ok(ends)
    }

    /// Remembers that `extent` cannot be read. Returns whether there was room; if not, it is planned again.
    pub(crate) fn set_broken(&self, partition: TopicPartition, extent: &Extent) -> bool {
        self.memory().broken.add(partition, extent)
    }

    /// Forgets what is known of a partition that was deleted.
    pub(super) fn forget(&self, partition: TopicPartition) {
        let mut memory = self.memory();
        memory.broken.remove(partition);
        memory.compacted_through.remove(&partition);
    }

    /// Reads a partition and plans its work.
    pub(crate) async fn plan(&self, input: PlanInput<'_>) -> Result<PartitionWork, Error> {
        let PlanInput { topic, partition, head, end, selection, bytes_max, in_flight, now } = input;
        let known = self.memory().compacted_through.get(&partition).copied();
        let start = known.map_or(head.start, |known| known.max(head.start));
        let (extents, is_whole) = self.extents(partition, start, end).await?;
        let broken = self.memory().broken.of(partition, &extents, is_whole);
        let set_aside = |extent: &Extent| self.failed.set_aside_until(extent.object, now);
        let is_readable = |extent: &Extent| !broken.contains(&extent.object) && set_aside(extent).is_none();
        let is_free = |extent: &Extent| !in_flight.has(extent) && is_readable(extent);
        let plan = plan::plan(&extents, &self.policy, selection, now, is_free);
        self.remember(partition, plan.compacted_through.max(start), known);
        let (rewrites, left) = first_rewrites(plan.rewrites, &extents, bytes_max);
        let left_lag = plan::lag(left.iter().flat_map(|range| &extents[range.clone()]));
        let compaction = |range: &Range<usize>| Compaction {
            topic: topic.name.clone(),
            partition,
            log_start: head.start,
            inputs: extents[range.clone()].to_vec(),
        };
        Ok(PartitionWork {
            rewrites: rewrites.iter().map(compaction).collect(),
            merges: plan.merges.iter().map(compaction).collect(),
            is_slow: rewrites.iter().any(|range| self.is_slow(&extents[range.clone()], now)),
            reading: Reading {
                lag: plan.lag,
                pending: plan.pending.plus(left_lag),
                is_cut: !left.is_empty(),
                readable: plan::lag(extents.iter().filter(|extent| is_readable(extent))),
                retry: extents.iter().filter_map(set_aside).min(),
                start: plan.level_0_start.unwrap_or(start),
                end: extents.last().map_or(start, |extent| extent.offsets.end),
                is_whole,
            },
        })
    }

    /// Whether `inputs` are rewritten because the age of small ones has come at `now`. What failed before and is tried again
    /// has waited for something else.
    fn is_slow(&self, inputs: &[Extent], now: Timestamp) -> bool {
        self.policy.is_slow(&plan::lag(inputs), now) && !inputs.iter().any(|input| self.failed.contains(input.object))
    }

    /// The extents from offset `from` on that do not reach beyond `end`, and whether these are all.
    async fn extents(
        &self,
        partition: TopicPartition,
        from: Offset,
        end: Offset,
    ) -> Result<(Vec<Extent>, bool), Error> {
        let mut extents: Vec<Extent> = Vec::new();
        let mut next = from;
        while next < end && extents.len() < PARTITION_EXTENTS_MAX {
            let page = self.log.find(partition, next, PAGE_EXTENTS).await?;
            let Some(last) = page.last() else { return Ok((extents, true)) };
            next = last.offsets.end;
            let is_last = page.len() < PAGE_EXTENTS;
            extents.extend(page.into_iter().filter(|extent| extent.offsets.end <= end));
            if is_last {
                return Ok((extents, true));
            }
        }
        Ok((extents, next >= end))
    }

    fn remember(&self, partition: TopicPartition, through: Offset, known: Option<Offset>) {
        // A partition without large files is read from its log start, which costs nothing to remember.
        if known.is_none() && through == Offset(0) {
            return;
        }
        let mut memory = self.memory();
        if memory.compacted_through.len() >= COMPACTED_MAX && known.is_none() {
            memory.compacted_through.clear();
        }
        memory.compacted_through.insert(partition, through);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first of `rewrites`, of up to `bytes_max` but at least one, and the others.
fn first_rewrites(
    mut rewrites: Vec<Range<usize>>,
    extents: &[Extent],
    bytes_max: u64,
) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut bytes: u64 = 0;
    let mut fits = |range: &Range<usize>| {
        bytes = extents[range.clone()].iter().map(|extent| extent.bytes).fold(bytes, u64::saturating_add);
        bytes <= bytes_max
    };
    let first = rewrites.iter().take_while(|range| fits(range)).count().max(1).min(rewrites.len());
    let left = rewrites.split_off(first);
    (rewrites, left)
}
