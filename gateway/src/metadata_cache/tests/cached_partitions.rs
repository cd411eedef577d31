//! Heads and recent extents, for any sequence of feed entries.

use std::collections::BTreeMap;

use alluvium_metastore::feed::{FeedEntry, PartitionTransactionEnd};
use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::transaction::{TransactionalProducer, Verdict};
use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, PartitionIndex, ProducerId, Timestamp, TopicId, TopicPartition,
};
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
    FeedEntry::Commit { extents: vec![(partition(index), extent(start, end))], stable: Vec::new() }
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
    assert_eq!(cached.recent_extents(partition(0), Offset(3), 1_000).map(|found| found.extents.len()), Some(2));
    assert_eq!(cached.merge_head(partition(0), head(5, 0)).start, Offset(3));
}

#[test]
fn recent_extents_cover_the_bytes_asked_for() {
    let mut cached = CachedPartitions::default();
    for n in 0..5 {
        cached.apply(&commit(0, n, n + 1));
    }
    let count = |bytes| cached.recent_extents(partition(0), Offset(1), bytes).map(|found| found.extents.len());
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
                .map_or_else(Vec::new, |found| found.extents);
            total += recent.len();
            prop_assert!(recent.len() <= per_partition_max);
            prop_assert!(recent.windows(2).all(|pair| pair[0].offsets.end == pair[1].offsets.start));
            prop_assert!(recent.last().is_none_or(|last| last.offsets.end == Offset(end)));
        }
        prop_assert!(total <= extents_max);
    }
}

fn unstable_commit(start: i64, end: i64, stable: i64) -> FeedEntry {
    FeedEntry::Commit {
        extents: vec![(partition(0), extent(start, end))],
        stable: vec![(partition(0), Offset(stable))],
    }
}

/// The end of the transaction of producer 7, aborted, whose first record was at `first`.
fn abort(marker: i64, first: i64, stable: i64) -> FeedEntry {
    let producer = TransactionalProducer::from_raw(7, 1);
    let source = ExtentSource::Marker { producer, verdict: Verdict::Abort };
    let aborted = AbortedTransaction { producer: producer.id, first: Offset(first), last: Offset(marker) };
    let marker = Extent { source, records: 0, ..extent(marker, marker + 1) };
    let end =
        PartitionTransactionEnd { partition: partition(0), marker, stable: Offset(stable), aborted: Some(aborted) };
    FeedEntry::TransactionEnd { partitions: vec![end] }
}

fn stable_head(next: i64, stable: i64) -> CachedHead {
    CachedHead { stable: Offset(stable), ..head(next, 0) }
}

#[test]
fn a_transaction_holds_the_stable_offset_until_its_end_says_what_was_aborted() {
    let mut cached = CachedPartitions::default();
    cached.merge_head(partition(0), head(0, 0));
    cached.apply(&commit(0, 0, 3));
    cached.apply(&unstable_commit(3, 5, 3));
    cached.apply(&unstable_commit(5, 6, 3));
    assert_eq!(cached.head(partition(0)), Some(stable_head(6, 3)));
    let recent = |cached: &CachedPartitions, from| cached.recent_extents(partition(0), Offset(from), 1_000).unwrap();
    assert_eq!((recent(&cached, 0).stable, recent(&cached, 0).aborted), (Offset(3), vec![]));
    cached.apply(&abort(6, 3, 7));
    assert_eq!(cached.head(partition(0)), Some(stable_head(7, 7)));
    let aborted = AbortedTransaction { producer: ProducerId(7), first: Offset(3), last: Offset(6) };
    assert_eq!((recent(&cached, 0).stable, recent(&cached, 0).aborted), (Offset(7), vec![aborted]));
    cached.apply(&commit(0, 7, 9));
    assert_eq!(cached.head(partition(0)), Some(stable_head(9, 9)));
    assert_eq!(recent(&cached, 8).aborted, []);
}

#[test]
fn a_head_that_is_newer_than_the_feed_does_not_say_what_was_aborted() {
    let mut cached = CachedPartitions::default();
    cached.apply(&unstable_commit(3, 5, 3));
    // The end, at 5, was committed before the head was read.
    assert_eq!(cached.merge_head(partition(0), head(6, 0)), stable_head(6, 6));
    let recent = cached.recent_extents(partition(0), Offset(3), 1_000).unwrap();
    assert_eq!((recent.stable, recent.aborted), (Offset(3), vec![]));
    cached.apply(&abort(5, 3, 6));
    assert_eq!(cached.head(partition(0)), Some(stable_head(6, 6)));
    let recent = cached.recent_extents(partition(0), Offset(3), 1_000).unwrap();
    assert_eq!((recent.stable, recent.aborted.len()), (Offset(6), 1));
}

#[test]
fn a_head_that_is_older_than_the_feed_does_not_hold_back_what_is_stable() {
    let mut cached = CachedPartitions::default();
    cached.apply(&unstable_commit(3, 5, 3));
    cached.apply(&abort(5, 3, 6));
    assert_eq!(cached.merge_head(partition(0), stable_head(5, 3)), stable_head(6, 6));
}
