//! Heads and recent extents, for any sequence of feed entries.

use std::collections::BTreeMap;

use alluvium_metastore::feed::FeedEntry;
use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
use proptest::prelude::*;

use crate::metadata_cache::CachedHead;
use crate::metadata_cache::cached_partitions::CachedPartitions;

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TopicId::default(), PartitionIndex(index))
}

fn extent(start: i64, end: i64) -> Extent {
    Extent {
        offsets: Offset(start)..Offset(end),
        object: ObjectId::default(),
        source: ExtentSource::Segment { position: 0..100, rejected: Vec::new() },
        bytes: 100,
        records: 1,
        timestamps: (Timestamp(0), Timestamp(0)),
    }
}

fn commit(index: i32, start: i64, end: i64) -> FeedEntry {
    FeedEntry::Commit { extents: vec![(partition(index), extent(start, end))] }
}

fn head(next: i64, start: i64) -> CachedHead {
    CachedHead { next: Offset(next), start: Offset(start), stable: Offset(next) }
}

#[test]
fn a_head_read_before_or_after_a_feed_entry_is_the_same() {
    let mut early = CachedPartitions::default();
    early.merge_head(partition(0), head(5, 0));
    early.apply(&commit(0, 5, 9));
    let mut late = CachedPartitions::default();
    late.apply(&commit(0, 5, 9));
    late.merge_head(partition(0), head(5, 0));
    for cached in [early, late] {
        let head = cached.head(partition(0)).expect("the head was read");
        assert_eq!((head.next, head.stable), (Offset(9), Offset(9)));
    }
}

#[test]
fn swapped_or_trimmed_extents_are_no_longer_recent() {
    let mut cached = CachedPartitions::default();
    for n in 0..5 {
        cached.apply(&commit(0, n, n + 1));
    }
    assert!(cached.recent_extents(partition(0), Offset(0), 1).is_some());
    let inputs = Offset(0)..Offset(2);
    cached.apply(&FeedEntry::Swap { partition: partition(0), inputs, outputs: Vec::new() });
    assert!(cached.recent_extents(partition(0), Offset(1), 1).is_none());
    cached.apply(&FeedEntry::Trim { partition: partition(0), start: Offset(3) });
    assert!(cached.recent_extents(partition(0), Offset(2), 1).is_none());
    assert_eq!(cached.recent_extents(partition(0), Offset(3), 1_000).map(|extents| extents.len()), Some(2));
    assert_eq!(cached.merge_head(partition(0), head(5, 0)).start, Offset(3));
}

#[test]
fn recent_extents_cover_the_bytes_asked_for() {
    let mut cached = CachedPartitions::default();
    for n in 0..5 {
        cached.apply(&commit(0, n, n + 1));
    }
    let count = |bytes| cached.recent_extents(partition(0), Offset(1), bytes).map(|extents| extents.len());
    assert_eq!([count(0), count(1), count(100), count(101), count(1_000)], [1, 1, 1, 2, 4].map(Some));
}

proptest! {
    #[test]
    fn recent_extents_are_contiguous_up_to_the_head_in_bounded_memory(
        entries in prop::collection::vec((0_i32..4, 0_u8..10, 1_i64..5), 0..300),
        extents_max in 1_usize..40,
        per_partition_max in 1_usize..12,
    ) {
        let mut cached = CachedPartitions::new(extents_max, per_partition_max);
        let mut ends: BTreeMap<i32, i64> = BTreeMap::new();
        for (index, kind, size) in entries {
            let end = ends.entry(index).or_default();
            match kind {
                0 => {
                    let inputs = Offset(0)..Offset(*end / 2);
                    cached.apply(&FeedEntry::Swap { partition: partition(index), inputs, outputs: Vec::new() });
                }
                1 => {
                    cached.apply(&FeedEntry::Trim { partition: partition(index), start: Offset(*end / 3) });
                }
                _ => {
                    cached.apply(&commit(index, *end, *end + size));
                    *end += size;
                }
            }
        }
        let mut total = 0;
        for (index, end) in ends {
            let recent: Vec<_> = (0..=end)
                .find_map(|from| cached.recent_extents(partition(index), Offset(from), u64::MAX))
                .unwrap_or_default();
            total += recent.len();
            prop_assert!(recent.len() <= per_partition_max);
            prop_assert!(recent.windows(2).all(|pair| pair[0].offsets.end == pair[1].offsets.start));
            prop_assert!(recent.last().is_none_or(|last| last.offsets.end == Offset(end)));
        }
        prop_assert!(total <= extents_max);
    }
}
