//! Which partitions are large, by what they get.

use std::time::Duration;

use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};

use super::super::large_partitions::LargePartitions;
use crate::assigned_work::AssignedBy;
use crate::plan::Lag;

const MINUTE: i64 = 60_000;
const START: i64 = 1_000 * 300_000;

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(TopicId::default(), PartitionIndex(number))
}

fn extent(at: i64, bytes: u64) -> Extent {
    Extent {
        offsets: Offset(0)..Offset(1),
        object: ObjectId::new(Timestamp(at), 0, 0),
        source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
        bytes,
        records: 1,
        timestamps: (Timestamp(0), Timestamp(0)),
    }
}

/// 1,000 bytes in five minutes are large.
fn large() -> LargePartitions {
    LargePartitions::new(1_000, Duration::from_secs(300))
}

/// Feeds what partition 1 gets each minute. Returns the minutes in which it changed, and whether it is large since.
fn changes(bytes: impl IntoIterator<Item = u64>) -> Vec<(i64, bool)> {
    let (mut large, mut changes, mut is_large) = (large(), Vec::new(), false);
    for (minute, bytes) in (0..).zip(bytes) {
        let at = START + minute * MINUTE;
        large.sweep(Timestamp(at));
        if bytes > 0 {
            large.append(partition(1), &extent(at, bytes), Timestamp(at));
            large.compacted(partition(1));
        }
        let now = large.assigned_by(partition(1)) == AssignedBy::Partition;
        if now != is_large {
            changes.push((minute, now));
        }
        is_large = now;
    }
    changes
}

#[test]
fn a_partition_is_large_once_it_gets_enough_in_a_window() {
    assert_eq!(changes([199; 100]), []);
    assert_eq!(changes([200; 100]), [(4, true)]);
    assert_eq!(changes([0, 0, 0, 0, 500, 500, 0, 0]), [], "half of it in each of two windows");
    assert_eq!(changes([0, 1_000]), [(1, true)]);
}

#[test]
fn a_partition_stays_large_until_it_gets_a_quarter_no_more() {
    let then = |bytes: u64| changes([1_000].into_iter().chain([bytes; 100]));
    assert_eq!(then(51), [(0, true)]);
    assert_eq!(then(49), [(0, true), (24, false)], "four windows after the first");
    assert_eq!(then(0), [(0, true), (20, false)]);
}

#[test]
fn a_partition_that_gets_about_enough_changes_once() {
    let wavering = (0..1_000).map(|minute: u64| if (minute / 7).is_multiple_of(2) { 150 } else { 250 });
    assert_eq!(changes(wavering).len(), 1);
    let bursts = (0..1_000).map(|minute: u64| if minute.is_multiple_of(15) { 1_500 } else { 0 });
    assert_eq!(changes(bursts), [(0, true)]);
}

/// Of the first 300 minutes after a compactor has begun beside another: those in which nobody compacts a partition that
/// both know, and those in which they disagree about it. The one that begins has it by itself, or by its neighbourhood.
fn beside(has_it_by: AssignedBy) -> (i64, i64) {
    let (mut old, mut new) = (large(), large());
    let (mut left, mut disagreed) = (0, 0);
    for minute in 0..400 {
        let at = START + minute * MINUTE;
        // Once as much as makes it large, then half of that.
        let bytes = if minute < 5 { 300 } else { 100 };
        old.append(partition(1), &extent(at, bytes), Timestamp(at + 10));
        old.sweep(Timestamp(at + 20));
        if minute >= 100 {
            new.append(partition(1), &extent(at, bytes), Timestamp(at + 900));
            new.sweep(Timestamp(at + 910));
        }
        let [by_old, by_new] = [&old, &new].map(|of| of.assigned_by(partition(1)));
        let by_itself = |by| matches!(by, AssignedBy::Partition | AssignedBy::Both);
        let by_neighbourhood = |by| matches!(by, AssignedBy::Neighbourhood | AssignedBy::Both);
        let is_compacted = match has_it_by {
            AssignedBy::Partition => by_itself(by_new) || by_neighbourhood(by_old),
            AssignedBy::Neighbourhood | AssignedBy::Both => by_neighbourhood(by_new) || by_itself(by_old),
        };
        if is_compacted || minute < 100 {
            old.compacted(partition(1));
            new.compacted(partition(1));
        } else {
            left += 1;
        }
        disagreed += i64::from(minute >= 100 && by_old != by_new);
    }
    (left, disagreed)
}

#[test]
fn a_partition_that_each_of_two_compactors_leaves_to_the_other_is_left_once() {
    assert_eq!(beside(AssignedBy::Partition), (16, 17));
    // Both take it, as one knows that it was large.
    assert_eq!(beside(AssignedBy::Neighbourhood), (0, 300));
}

#[test]
fn data_of_a_large_partition_that_waits_too_long_is_for_either() {
    let (mut large, at) = (large(), Timestamp(START));
    assert!(large.append(partition(1), &extent(START, 1_000), at));
    let by = |large: &mut LargePartitions, minute| {
        let changed = large.sweep(at.plus_ms(minute * MINUTE)).len();
        (changed, large.assigned_by(partition(1)))
    };
    assert_eq!(by(&mut large, 14), (0, AssignedBy::Partition));
    assert_eq!(by(&mut large, 16), (1, AssignedBy::Both));
    large.compacted(partition(1));
    assert_eq!(large.assigned_by(partition(1)), AssignedBy::Neighbourhood);
    assert!(large.append(partition(1), &extent(START + 17 * MINUTE, 1_000), at.plus_ms(17 * MINUTE)), "large again");
}

#[test]
fn what_is_found_at_level_0_counts() {
    let (mut large, now) = (large(), Timestamp(START));
    let lag = |bytes| Lag { bytes, extents: 1, oldest: Some(Timestamp(START - 9 * MINUTE)) };
    large.surveyed(partition(1), &lag(999), now);
    large.surveyed(partition(2), &lag(1_000), now);
    assert_eq!([1, 2].map(|n| large.assigned_by(partition(n))), [AssignedBy::Neighbourhood, AssignedBy::Partition]);
    assert_eq!(large.sweep(now.plus_ms(16 * MINUTE)), [partition(2)]);
    assert_eq!(large.assigned_by(partition(2)), AssignedBy::Both);
}

#[test]
fn all_partitions_are_large_if_none_shares_files() {
    let mut large = LargePartitions::new(0, Duration::from_secs(300));
    assert!(!large.append(partition(1), &extent(START, 1), Timestamp(START)));
    assert_eq!(large.assigned_by(partition(1)), AssignedBy::Partition);
    assert!(large.sweep(Timestamp(START * 2)).is_empty());
}

#[test]
fn partitions_that_get_nothing_take_no_memory() {
    let mut large = large();
    for number in 0..100 {
        let bytes = if number < 10 { 1_000 } else { 1 };
        large.append(partition(number), &extent(START, bytes), Timestamp(START));
    }
    large.sweep(Timestamp(START));
    assert_eq!(large.len(), 100);
    large.sweep(Timestamp(START + 5 * MINUTE));
    assert_eq!(large.len(), 10);
    large.sweep(Timestamp(START + 21 * MINUTE));
    assert_eq!(large.len(), 0);
}
