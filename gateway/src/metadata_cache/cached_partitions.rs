//! Heads and recent extents as the feed announced them, in bounded memory. Pure.
//!
//! A head is cached once it has been read from the metastore ([`CachedPartitions::merge_head`]). What the feed
//! announced before is stored and merged, so it does not matter which of the two is newer. The recent extents of a
//! partition are contiguous.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use alluvium_metastore::feed::{FeedEntry, PartitionTransactionEnd};
use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, Offset, TopicPartition};

use super::{CachedExtents, CachedHead};

/// Recent extents cached over all partitions: at about 200 B each, 40 MB.
pub const RECENT_EXTENTS_MAX: usize = 200_000;
/// Recent extents cached of one partition: four minutes at one segment per linger.
pub const RECENT_EXTENTS_PER_PARTITION_MAX: usize = 1_024;

/// Bytes of `extent` from `offset` on, estimated as if all its records had one size. At least one, so that a fetch that
/// waits for one byte sees the extent.
#[must_use]
pub fn bytes_from(extent: &Extent, offset: Offset) -> u64 {
    let records = extent.offsets.end.since(extent.offsets.start).max(1);
    let left = extent.offsets.end.since(offset.max(extent.offsets.start));
    let bytes = u128::from(extent.bytes) * u128::from(left) / u128::from(records);
    u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
}

/// Heads and recent extents of the partitions that the feed announced or that were requested.
#[derive(Debug)]
pub struct CachedPartitions {
    partitions: HashMap<TopicPartition, CachedPartition>,
    /// Every cached extent by its end, in the order of the feed: the order of eviction. An entry whose extent was
    /// dropped earlier counts until it is evicted.
    eviction_order: VecDeque<(TopicPartition, Offset)>,
    extents_max: usize,
    extents_per_partition_max: usize,
}

#[derive(Debug, Default)]
struct CachedPartition {
    /// The metastore's head, merged with what the feed announced; `None` until it is read.
    head: Option<CachedHead>,
    /// The largest end of an extent that the feed announced.
    next_announced: Offset,
    /// The largest log start that the feed announced.
    start_announced: Offset,
    recent: VecDeque<Arc<Extent>>,
    /// The stable offset after the last entry of the feed, if transactions were open then. (The head may be newer.)
    first_unstable: Option<Offset>,
    /// Transactions that were aborted by markers among the recent extents, in the order of the markers.
    aborted: VecDeque<AbortedTransaction>,
}

impl Default for CachedPartitions {
    fn default() -> Self {
        Self::new(RECENT_EXTENTS_MAX, RECENT_EXTENTS_PER_PARTITION_MAX)
    }
}

impl CachedPartitions {
    /// An empty cache of at most `extents_max` extents in all, and `extents_per_partition_max` of one partition.
    #[must_use]
    pub fn new(extents_max: usize, extents_per_partition_max: usize) -> Self {
        Self { partitions: HashMap::new(), eviction_order: VecDeque::new(), extents_max, extents_per_partition_max }
    }

    /// The head, if it was read from the metastore.
    #[must_use]
    pub fn head(&self, partition: TopicPartition) -> Option<CachedHead> {
        self.partitions.get(&partition)?.head
    }

    /// Caches the head `read` from the metastore, merged with what the feed announced, since either may be newer.
    /// Returns the merged head.
    pub fn merge_head(&mut self, partition: TopicPartition, read: CachedHead) -> CachedHead {
        let cached = self.partitions.entry(partition).or_default();
        let next = read.next.max(cached.next_announced);
        let start = read.start.max(cached.start_announced);
        // Whatever changes the stable offset takes an offset as well: the one that ends later is newer.
        let stable =
            if read.next > cached.next_announced { read.stable } else { cached.first_unstable.unwrap_or(next) };
        let head = CachedHead { next, start, stable };
        cached.head = Some(head);
        head
    }

    /// Recent extents from the one that holds `from` on, up to about `bytes`; `None` if that one is not cached.
    #[must_use]
    pub fn recent_extents(&self, partition: TopicPartition, from: Offset, bytes: u64) -> Option<CachedExtents> {
        let cached = self.partitions.get(&partition)?;
        let recent = &cached.recent;
        let first = recent.partition_point(|extent| extent.offsets.end <= from);
        if recent.get(first)?.offsets.start > from {
            return None;
        }
        let mut taken = 0;
        let fits = |extent: &&Arc<Extent>| {
            let fits = taken < bytes.max(1);
            taken += bytes_from(extent, from);
            fits
        };
        let extents = recent.iter().skip(first).take_while(fits).cloned().collect();
        let first = cached.aborted.partition_point(|aborted| aborted.last < from);
        let aborted = cached.aborted.iter().skip(first).copied().collect();
        Some(CachedExtents { extents, stable: cached.first_unstable.unwrap_or(cached.next_announced), aborted })
    }

    /// Applies one entry of the feed, except for topics. Returns the partitions that changed.
    pub fn apply(&mut self, entry: &FeedEntry) -> Vec<TopicPartition> {
        match entry {
            FeedEntry::Commit { extents, stable } => {
                for (partition, extent) in extents {
                    self.append(*partition, extent);
                }
                let unstable: HashMap<_, _> = stable.iter().copied().collect();
                let changed: Vec<_> = extents.iter().map(|(partition, _)| *partition).collect();
                changed.iter().for_each(|partition| self.set_stable(*partition, unstable.get(partition).copied()));
                changed
            }
            FeedEntry::TransactionEnd { partitions } => {
                for end in partitions {
                    self.append(end.partition, &end.marker);
                    self.end_transaction(end);
                }
                partitions.iter().map(|end| end.partition).collect()
            }
            FeedEntry::Swap { partition, inputs, .. } => {
                if let Some(cached) = self.partitions.get_mut(partition) {
                    cached.drop_extents_while(|extent| extent.offsets.start < inputs.end);
                }
                vec![*partition]
            }
            FeedEntry::Trim { partition, start } => {
                // If the partition is not cached, its head is yet to be read, or its topic is deleted.
                if let Some(cached) = self.partitions.get_mut(partition) {
                    cached.trim(*start);
                }
                vec![*partition]
            }
            FeedEntry::Topics { .. } => Vec::new(),
        }
    }

    /// Drops a partition that was deleted.
    pub fn remove(&mut self, partition: TopicPartition) {
        self.partitions.remove(&partition);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.partitions.clear();
        self.eviction_order.clear();
    }

    fn append(&mut self, partition: TopicPartition, extent: &Extent) {
        let cached = self.partitions.entry(partition).or_default();
        cached.next_announced = cached.next_announced.max(extent.offsets.end);
        if cached.recent.back().is_some_and(|last| last.offsets.end != extent.offsets.start) {
            cached.drop_extents_while(|_| true);
        }
        cached.recent.push_back(Arc::new(extent.clone()));
        if cached.recent.len() > self.extents_per_partition_max
            && let Some(end) = cached.recent.front().map(|oldest| oldest.offsets.end)
        {
            cached.drop_extents_while(|extent| extent.offsets.end <= end);
        }
        self.eviction_order.push_back((partition, extent.offsets.end));
        while self.eviction_order.len() > self.extents_max {
            self.evict_oldest();
        }
    }

    /// Notes which offset is stable after the newest extent of `partition`; `None` if all are.
    fn set_stable(&mut self, partition: TopicPartition, stable: Option<Offset>) {
        let cached = self.partitions.entry(partition).or_default();
        cached.first_unstable = stable;
        let next = cached.next_announced;
        if let Some(head) = &mut cached.head
            && head.next <= next
        {
            // A head that was read lately may be newer than this entry.
            // (The stable offset of a large commit may lie beyond the first of its entries.)
            let stable = stable.unwrap_or(next).max(head.stable).min(next);
            *head = CachedHead { next, stable, ..*head };
        }
    }

    fn end_transaction(&mut self, end: &PartitionTransactionEnd) {
        let is_stable = end.stable >= end.marker.offsets.end;
        self.set_stable(end.partition, (!is_stable).then_some(end.stable));
        if let (Some(cached), Some(aborted)) = (self.partitions.get_mut(&end.partition), end.aborted) {
            cached.aborted.push_back(aborted);
        }
    }

    fn evict_oldest(&mut self) {
        let Some((partition, end)) = self.eviction_order.pop_front() else { return };
        if let Some(cached) = self.partitions.get_mut(&partition) {
            cached.drop_extents_while(|extent| extent.offsets.end <= end);
        }
    }
}

impl CachedPartition {
    fn trim(&mut self, start: Offset) {
        self.start_announced = self.start_announced.max(start);
        if let Some(head) = &mut self.head {
            head.start = head.start.max(start);
        }
        self.drop_extents_while(|extent| extent.offsets.end <= start);
    }

    /// Drops extents from the oldest on, as long as they match.
    fn drop_extents_while(&mut self, matches: impl Fn(&Extent) -> bool) {
        while self.recent.pop_front_if(|extent| matches(extent)).is_some() {}
        let first = self.recent.front().map(|extent| extent.offsets.start);
        while self.aborted.pop_front_if(|aborted| first.is_none_or(|first| aborted.last < first)).is_some() {}
    }
}
