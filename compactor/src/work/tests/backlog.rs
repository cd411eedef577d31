//! The backlog: when a partition is worth a look, and that it never forgets data at level 0.

use std::time::Duration;

use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};

use super::super::{Backlog, Reading};
use crate::plan::{Lag, Policy};

const POLICY: Policy = Policy {
    bytes_min: 1_000,
    age_max: Duration::from_secs(60),
    small_age_max: Duration::from_secs(60),
    file_bytes_target: 1 << 20,
};
const P: TopicPartition = TopicPartition { topic: TopicId(uuid::Uuid::nil()), partition: PartitionIndex(0) };

fn extent(n: i64, bytes: u64, written: i64) -> Extent {
    Extent {
        offsets: Offset(n)..Offset(n + 1),
        object: ObjectId::new(Timestamp(written), 0, 0),
        source: ExtentSource::Segment { position: 0..bytes, rejected: Vec::new() },
        bytes,
        records: 1,
        timestamps: (Timestamp(0), Timestamp(0)),
    }
}

fn lag(extents: &[Extent]) -> Lag {
    Lag {
        bytes: extents.iter().map(|extent| extent.bytes).sum(),
        extents: extents.len() as u64,
        oldest: extents.iter().map(|extent| extent.object.created()).min(),
    }
}

fn reading(extents: &[Extent]) -> Reading {
    Reading {
        lag: lag(extents),
        pending: lag(extents),
        is_cut: false,
        readable: lag(extents),
        retry: None,
        start: extents.first().map_or(Offset(0), |extent| extent.offsets.start),
        end: extents.last().map_or(Offset(0), |extent| extent.offsets.end),
        is_whole: true,
    }
}

/// An extent is committed, and known at once.
fn append(backlog: &mut Backlog, partition: TopicPartition, extent: &Extent) {
    backlog.append(partition, extent, extent.object.created());
}

/// The time of the first look at or after `from`, in steps of a second.
fn first_look(backlog: &mut Backlog, from: i64) -> Option<i64> {
    (from / 1000..1_000).map(|s| s * 1000).find(|now| backlog.ripe(Timestamp(*now)) > 0)
}

#[test]
fn partitions_that_are_nearly_ripe_are_offered_unless_they_were_just_looked_at() {
    let mut backlog = Backlog::new(POLICY);
    for n in 0..6 {
        append(&mut backlog, partition(n), &extent(0, 400, 10_000 * i64::from(n)));
    }
    let early = |backlog: &Backlog, at, max| -> Vec<i32> {
        backlog.early(Timestamp(at), max).iter().map(|partition| partition.partition.0).collect()
    };
    // The first is ripe at 60 s; of the others those that are 45 s old come along.
    assert_eq!(backlog.take_due(Timestamp(60_000), Timestamp(70_000)), Some(partition(0)));
    assert_eq!(early(&backlog, 60_000, 10), vec![1]);
    assert_eq!(early(&backlog, 66_000, 10), vec![1, 2]);
    assert_eq!(early(&backlog, 66_000, 1), vec![1]);
    assert_eq!(backlog.take(partition(1), Timestamp(90_000)), Some(partition(1)));
    assert_eq!(early(&backlog, 69_000, 10), vec![2]);
    assert_eq!(backlog.take(partition(9), Timestamp(90_000)), None);
}

#[test]
fn a_partition_is_ripe_by_age_or_at_once_by_size() {
    let mut backlog = Backlog::new(POLICY);
    append(&mut backlog, P, &extent(0, 400, 5_000));
    assert_eq!(first_look(&mut backlog, 0), Some(65_000));
    append(&mut backlog, P, &extent(1, 400, 6_000));
    assert_eq!(first_look(&mut backlog, 0), Some(65_000));
    append(&mut backlog, P, &extent(2, 200, 7_000));
    assert_eq!(backlog.take_due(Timestamp(8_000), Timestamp(9_000)), Some(P));
    assert_eq!(backlog.take_due(Timestamp(8_000), Timestamp(9_000)), None, "taken");
    assert_eq!(backlog.lag(), (1_000, 3));
}

#[test]
fn an_entry_of_the_feed_that_a_reading_has_seen_is_not_counted_twice() {
    let extents: Vec<Extent> = (0..3).map(|n| extent(n, 100, n)).collect();
    let mut backlog = Backlog::new(POLICY);
    append(&mut backlog, P, &extents[0]);
    backlog.read(P, &reading(&extents), Timestamp(0), Timestamp(0));
    extents.iter().for_each(|extent| append(&mut backlog, P, extent));
    assert_eq!(backlog.lag(), (300, 3));
    append(&mut backlog, P, &extent(3, 50, 3));
    assert_eq!(backlog.lag(), (350, 4));
}

#[test]
fn what_is_compacted_is_gone_and_the_partition_is_looked_at_again() {
    let extents: Vec<Extent> = (0..4).map(|n| extent(n, 100, 1_000)).collect();
    let mut backlog = Backlog::new(POLICY);
    extents.iter().for_each(|extent| append(&mut backlog, P, extent));
    assert_eq!(backlog.ripe(Timestamp(1_000)), 0);
    backlog.compacted(P, &extents[..3], Timestamp(1_000));
    assert_eq!((backlog.lag(), backlog.ripe(Timestamp(1_000))), ((100, 1), 1));
    // Its own swap comes by the feed later, and changes nothing.
    backlog.read(P, &reading(&extents[3..]), Timestamp(0), Timestamp(1_000));
    backlog.swap(P, &(Offset(0)..Offset(3)), Timestamp(1_000));
    assert_eq!(backlog.ripe(Timestamp(1_000)), 0);
    backlog.swap(P, &(Offset(3)..Offset(4)), Timestamp(1_000));
    assert_eq!(backlog.ripe(Timestamp(1_000)), 1, "another compactor's swap");
}

#[test]
fn a_partition_without_data_at_level_0_takes_no_memory_and_no_look() {
    let mut backlog = Backlog::new(POLICY);
    append(&mut backlog, P, &extent(0, 2_000, 0));
    backlog.read(P, &Reading { end: Offset(1), is_whole: true, ..Reading::default() }, Timestamp(0), Timestamp(0));
    assert_eq!((backlog.lag(), first_look(&mut backlog, 0)), ((0, 0), None));
    let mut file = extent(1, 2_000, 0);
    file.source = ExtentSource::History { level: 1, file_bytes: 2_000 };
    append(&mut backlog, P, &file);
    assert_eq!(first_look(&mut backlog, 0), None);
}

#[test]
fn data_that_cannot_be_compacted_is_looked_at_no_sooner_than_asked() {
    let extents = [extent(0, 2_000, 0)];
    let mut backlog = Backlog::new(POLICY);
    backlog.read(P, &reading(&extents), Timestamp(50_000), Timestamp(40_000));
    assert_eq!(first_look(&mut backlog, 0), Some(50_000), "ripe, and the look gave no work");
    let broken = Reading { pending: Lag::default(), readable: Lag::default(), ..reading(&extents) };
    backlog.read(P, &broken, Timestamp(50_000), Timestamp(40_000));
    assert_eq!((backlog.lag(), first_look(&mut backlog, 0)), ((2_000, 1), None));
    assert_eq!(backlog.waiting_bytes(Timestamp(900_000)), 0, "what nobody can compact throttles no producer");
    append(&mut backlog, P, &extent(1, 3_000, 0));
    assert_eq!(backlog.waiting_bytes(Timestamp(900_000)), 3_000);
    backlog.read(P, &Reading { is_whole: false, ..broken }, Timestamp(50_000), Timestamp(40_000));
    assert_eq!(backlog.lag().0, 5_000, "there is more than was read");
    append(&mut backlog, P, &extent(2, 1, 0));
    assert_eq!(backlog.waiting_bytes(Timestamp(900_000)), 3_001, "of which only that cannot be compacted");
}

#[test]
fn a_trim_within_level_0_asks_for_a_look() {
    let mut backlog = Backlog::new(POLICY);
    append(&mut backlog, P, &extent(5, 100, 0));
    backlog.trim(P, Offset(5), Timestamp(0));
    assert_eq!(backlog.ripe(Timestamp(0)), 0);
    backlog.trim(P, Offset(6), Timestamp(0));
    assert_eq!(backlog.ripe(Timestamp(0)), 1);
}

fn partition(n: i32) -> TopicPartition {
    TopicPartition { partition: PartitionIndex(n), ..P }
}

/// Takes all that is due at `now`.
fn take_all(backlog: &mut Backlog, now: i64) -> Vec<i32> {
    let take = || backlog.take_due(Timestamp(now), Timestamp(now + 10_000)).map(|taken| taken.partition.0);
    std::iter::from_fn(take).collect()
}

#[test]
fn partitions_are_taken_in_the_order_in_which_they_became_due() {
    let mut backlog = Backlog::new(POLICY);
    for (n, at) in [(3, 1_000), (1, 2_000), (2, 3_000)] {
        append(&mut backlog, partition(n), &extent(0, 2_000, at));
    }
    // More data, a survey and a swap by another compactor change no turn; whoever is looked at goes to the end.
    append(&mut backlog, partition(1), &extent(1, 9_000, 3_500));
    backlog.surveyed(partition(2), &reading(&[extent(0, 2_000, 3_000)]), false, Timestamp(3_600));
    backlog.surveyed(partition(3), &reading(&[extent(0, 2_000, 1_000)]), true, Timestamp(3_600));
    backlog.swap(partition(2), &(Offset(0)..Offset(1)), Timestamp(3_700));
    assert_eq!(backlog.take_due(Timestamp(4_000), Timestamp(14_000)), Some(partition(3)));
    let cut = Reading { is_cut: true, ..reading(&[extent(0, 2_000, 1_000)]) };
    backlog.read(partition(3), &cut, Timestamp(14_000), Timestamp(4_000));
    assert_eq!(take_all(&mut backlog, 4_000), vec![1, 2, 3]);
}

#[test]
fn partitions_that_are_always_ripe_are_taken_in_turn_even_if_the_clock_stands_still() {
    let mut backlog = Backlog::new(POLICY);
    for n in 0..5 {
        append(&mut backlog, partition(n), &extent(0, 2_000, 1_000));
    }
    let mut taken = Vec::new();
    for _ in 0..15 {
        let next = backlog.take_due(Timestamp(1_000), Timestamp(2_000)).expect("always ripe");
        backlog.read(next, &Reading { end: Offset(1), ..Reading::default() }, Timestamp(2_000), Timestamp(1_000));
        backlog.compacted(next, &[extent(0, 2_000, 1_000)], Timestamp(1_000));
        append(&mut backlog, next, &extent(1, 2_000, 1_000));
        taken.push(next.partition.0);
    }
    assert_eq!(taken, [0, 1, 2, 3, 4].repeat(3));
}

#[test]
fn what_is_planned_or_broken_is_neither_early_nor_ripe_again_because_of_new_data() {
    let mut backlog = Backlog::new(POLICY);
    append(&mut backlog, P, &extent(0, 900, 0));
    assert_eq!(backlog.early(Timestamp(50_000), 10), vec![P]);
    let planned = Reading { pending: Lag::default(), ..reading(&[extent(0, 900, 0)]) };
    backlog.read(P, &planned, Timestamp(60_000), Timestamp(50_000));
    assert_eq!((backlog.early(Timestamp(900_000), 10), backlog.lag()), (Vec::new(), (900, 1)));
    append(&mut backlog, P, &extent(1, 200, 50_000));
    assert_eq!(backlog.ripe(Timestamp(109_000)), 0, "the new data alone is neither large nor old");
    assert_eq!(backlog.early(Timestamp(94_000), 10), Vec::new());
    assert_eq!(backlog.early(Timestamp(95_000), 10), vec![P]);
    assert_eq!(backlog.ripe(Timestamp(110_000)), 1);
}

#[test]
fn an_early_look_that_gives_no_work_is_not_repeated_at_once() {
    let mut backlog = Backlog::new(POLICY);
    append(&mut backlog, P, &extent(0, 400, 0));
    assert_eq!(backlog.take(P, Timestamp(58_000)), Some(P));
    backlog.read(P, &reading(&[extent(0, 400, 0)]), Timestamp(58_000), Timestamp(48_000));
    assert_eq!(backlog.early(Timestamp(57_000), 10), Vec::new());
    assert_eq!(backlog.early(Timestamp(58_000), 10), vec![P]);
}

#[test]
fn what_is_set_aside_is_looked_at_when_its_time_has_come_and_does_not_wait_until_then() {
    let extents = [extent(0, 2_000, 0), extent(1, 300, 50_000)];
    let mut backlog = Backlog::new(POLICY);
    let rest = lag(&extents[1..]);
    let retry = Some(Timestamp(80_000));
    let aside = Reading { pending: rest, readable: rest, retry, ..reading(&extents) };
    backlog.read(P, &aside, Timestamp(65_000), Timestamp(55_000));
    assert_eq!((first_look(&mut backlog, 0), backlog.waiting_bytes(Timestamp(80_000))), (Some(80_000), 0));
    assert_eq!(backlog.waiting_bytes(Timestamp(110_000)), 300, "what is not set aside is old enough");
    backlog.read(P, &Reading { retry: Some(Timestamp(600_000)), ..aside }, Timestamp(65_000), Timestamp(55_000));
    assert_eq!(first_look(&mut backlog, 0), Some(110_000));
    backlog.compacted(P, &extents[1..], Timestamp(110_000));
    assert_eq!(backlog.waiting_bytes(Timestamp(900_000)), 0);
}

#[test]
fn a_partition_whose_work_has_failed_is_not_looked_at_sooner_because_other_work_of_it_is_done() {
    let extents: Vec<Extent> = (0..3).map(|n| extent(n, 1_000, 1_000)).collect();
    let mut backlog = Backlog::new(POLICY);
    extents.iter().for_each(|extent| append(&mut backlog, P, extent));
    backlog.failed(P, Timestamp(12_000));
    backlog.compacted(P, &extents[..1], Timestamp(2_000));
    backlog.swap(P, &(Offset(1)..Offset(2)), Timestamp(3_000));
    append(&mut backlog, P, &extent(3, 1_000, 4_000));
    backlog.surveyed(P, &reading(&extents[1..]), true, Timestamp(5_000));
    assert_eq!(first_look(&mut backlog, 0), Some(12_000));
    assert_eq!(backlog.early(Timestamp(11_000), 10), Vec::new());
    assert_eq!(backlog.take_due(Timestamp(12_000), Timestamp(22_000)), Some(P));
    backlog.compacted(P, &extents[1..2], Timestamp(13_000));
    assert_eq!(backlog.ripe(Timestamp(13_000)), 1, "the time is over");
}

#[test]
fn a_partition_is_late_once_it_has_been_due_for_as_long_as_its_data_may_wait_until_it_is() {
    let mut backlog = Backlog::new(Policy { small_age_max: Duration::from_secs(600), ..POLICY });
    assert!(!backlog.is_late(Timestamp(900_000)));
    append(&mut backlog, P, &extent(0, 100, 10_000));
    assert!(!backlog.is_late(Timestamp(1_209_999)) && backlog.is_late(Timestamp(1_210_000)));
    // It is due at once now, and may wait for a minute.
    append(&mut backlog, P, &extent(1, 2 << 20, 400_000));
    assert!(!backlog.is_late(Timestamp(459_999)) && backlog.is_late(Timestamp(460_000)));
    backlog.failed(P, Timestamp(500_000));
    assert!(!backlog.is_late(Timestamp(500_000)), "no thread can help what fails");
    assert_eq!(backlog.take_due(Timestamp(500_000), Timestamp(510_000)), Some(P));
    assert!(!backlog.is_late(Timestamp(560_000)), "it was looked at");
}
