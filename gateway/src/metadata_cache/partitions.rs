//! What the feed has told about partitions: heads and recent extents, in bounded memory.
//!
//! Pure. A head is known once it was read from the metastore ([`CachedPartitions::learn`]); what the feed said before is kept and
//! merged, so it does not matter which of the two is older. Recent extents of a partition lie end to end.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use alluvium_metastore::feed::FeedEntry;
use alluvium_model::{Extent, Offset, TopicPartition};

use super::CachedHead;
use super::estimate::bytes_from;

/// Extents remembered over all partitions: at about 200 B each, 40 MB.
pub const RECENT_EXTENTS_MAX: usize = 200_000;
/// Extents remembered of one partition: four minutes at one segment per linger.
pub const RECENT_EXTENTS_PER_PARTITION_MAX: usize = 1_024;

/// Heads and recent extents of the partitions heard of.
#[derive(Debug)]
pub struct CachedPartitions {
    partitions: HashMap<TopicPartition, CachedPartition>,
    /// In the order in which extents came: whose first extent to forget when there are too many. An entry whose extent
    /// is already gone counts until it comes up.
    order: VecDeque<(TopicPartition, Offset)>,
    extents_max: usize,
    extents_per_partition_max: usize,
}

#[derive(Debug, Default)]
struct CachedPartition {
    /// As the metastore had it, with what the feed said merged in.
    head: Option<CachedHead>,
    next_seen: Offset,
    start_seen: Offset,
    recent: VecDeque<Arc<Extent>>,
}

impl Default for CachedPartitions {
    fn default() -> Self {
        Self::new(RECENT_EXTENTS_MAX, RECENT_EXTENTS_PER_PARTITION_MAX)
    }
}

impl CachedPartitions {
    /// Nothing known; remembers no more extents than the limits say.
    #[must_use]
    pub fn new(extents_max: usize, extents_per_partition_max: usize) -> Self {
        Self { partitions: HashMap::new(), order: VecDeque::new(), extents_max, extents_per_partition_max }
    }

    /// The head, once learnt.
    #[must_use]
    pub fn head(&self, partition: TopicPartition) -> Option<CachedHead> {
        self.partitions.get(&partition)?.head
    }

    /// The metastore's head: merged with what the feed said, since either may be newer.
    pub fn learn(&mut self, partition: TopicPartition, read: CachedHead) -> CachedHead {
        let known = self.partitions.entry(partition).or_default();
        let decided = read.stable >= read.next;
        let next = read.next.max(known.next_seen);
        let start = read.start.max(known.start_seen);
        let head = CachedHead { next, start, stable: if decided { next } else { read.stable } };
        known.head = Some(head);
        head
    }

    /// Extents from the one that holds `from` on, up to about `bytes`; `None` where they are not remembered.
    #[must_use]
    pub fn recent(&self, partition: TopicPartition, from: Offset, bytes: u64) -> Option<Vec<Arc<Extent>>> {
        let recent = &self.partitions.get(&partition)?.recent;
        let first = recent.partition_point(|extent| extent.offsets.end <= from);
        if recent.get(first)?.offsets.start > from {
            return None;
        }
        let mut taken = 0;
        let wanted = |extent: &&Arc<Extent>| {
            let wanted = taken < bytes.max(1);
            taken += bytes_from(extent, from);
            wanted
        };
        Some(recent.iter().skip(first).take_while(wanted).cloned().collect())
    }

    /// Takes in one entry of the feed (topics are not its concern). Which partitions changed.
    pub fn apply(&mut self, entry: &FeedEntry) -> Vec<TopicPartition> {
        match entry {
            FeedEntry::Commit { extents } => {
                for (partition, extent) in extents {
                    self.append(*partition, extent);
                }
                extents.iter().map(|(partition, _)| *partition).collect()
            }
            FeedEntry::Swap { partition, inputs, .. } => {
                if let Some(known) = self.partitions.get_mut(partition) {
                    known.forget(|extent| extent.offsets.start < inputs.end);
                }
                vec![*partition]
            }
            FeedEntry::Trim { partition, start } => {
                // Of a partition never heard of, the head is yet to be read, or it is no more.
                if let Some(known) = self.partitions.get_mut(partition) {
                    known.trim(*start);
                }
                vec![*partition]
            }
            FeedEntry::Topics { .. } => Vec::new(),
        }
    }

    /// Forgets a partition that is no more.
    pub fn remove(&mut self, partition: TopicPartition) {
        self.partitions.remove(&partition);
    }

    /// Forgets everything: the feed was lost.
    pub fn clear(&mut self) {
        self.partitions.clear();
        self.order.clear();
    }

    fn append(&mut self, partition: TopicPartition, extent: &Extent) {
        let known = self.partitions.entry(partition).or_default();
        known.next_seen = known.next_seen.max(extent.offsets.end);
        if let Some(head) = &mut known.head
            && head.next < extent.offsets.end
        {
            *head = head.appended(extent);
        }
        if known.recent.back().is_some_and(|last| last.offsets.end != extent.offsets.start) {
            known.recent.clear();
        }
        known.recent.push_back(Arc::new(extent.clone()));
        if known.recent.len() > self.extents_per_partition_max {
            known.recent.pop_front();
        }
        self.order.push_back((partition, extent.offsets.end));
        while self.order.len() > self.extents_max {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((partition, end)) = self.order.pop_front() else { return };
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.forget(|extent| extent.offsets.end <= end);
        }
    }
}

impl CachedPartition {
    fn trim(&mut self, start: Offset) {
        self.start_seen = self.start_seen.max(start);
        if let Some(head) = &mut self.head {
            head.start = head.start.max(start);
        }
        self.forget(|extent| extent.offsets.end <= start);
    }

    /// Forgets extents from the oldest on, while they are `stale`.
    fn forget(&mut self, stale: impl Fn(&Extent) -> bool) {
        while self.recent.pop_front_if(|extent| stale(extent)).is_some() {}
    }
}
