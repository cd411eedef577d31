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
        broken_bytes: 0,
        start: extents.first().map_or(Offset(0), |extent| extent.offsets.start),
        end: extents.last().map_or(Offset(0), |extent| extent.offsets.end),
        is_whole: true,
    }
}

/// The time of the first look at or after `from`, in steps of a second.
fn first_look(backlog: &mut Backlog, from: i64) -> Option<i64> {
    (from / 1000..1_000).map(|s| s * 1000).find(|now| backlog.ripe(Timestamp(*now)) > 0)
}

#[test]
fn partitions_that_are_nearly_ripe_are_offered_unless_they_were_just_looked_at() {
    let mut backlog = Backlog::new(POLICY);
    let partition = |n| TopicPartition { partition: PartitionIndex(n), ..P };
    for n in 0..6 {
        backlog.append(partition(n), &extent(0, 400, 10_000 * i64::from(n)));
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
    backlog.append(P, &extent(0, 400, 5_000));
    assert_eq!(first_look(&mut backlog, 0), Some(65_000));
    backlog.append(P, &extent(1, 400, 6_000));
    assert_eq!(first_look(&mut backlog, 0), Some(65_000));
    backlog.append(P, &extent(2, 200, 7_000));
    assert_eq!(backlog.take_due(Timestamp(8_000), Timestamp(9_000)), Some(P));
    assert_eq!(backlog.take_due(Timestamp(8_000), Timestamp(9_000)), None, "taken");
    assert_eq!(backlog.lag(), (1_000, 3));
}

#[test]
fn an_entry_of_the_feed_that_a_reading_has_seen_is_not_counted_twice() {
    let extents: Vec<Extent> = (0..3).map(|n| extent(n, 100, n)).collect();
    let mut backlog = Backlog::new(POLICY);
    backlog.append(P, &extents[0]);
    backlog.read(P, &reading(&extents), Timestamp(0), Timestamp(0));
    extents.iter().for_each(|extent| backlog.append(P, extent));
    assert_eq!(backlog.lag(), (300, 3));
    backlog.append(P, &extent(3, 50, 3));
    assert_eq!(backlog.lag(), (350, 4));
}

#[test]
fn what_is_compacted_is_gone_and_the_partition_is_looked_at_again() {
    let extents: Vec<Extent> = (0..4).map(|n| extent(n, 100, 1_000)).collect();
    let mut backlog = Backlog::new(POLICY);
    extents.iter().for_each(|extent| backlog.append(P, extent));
    assert_eq!(backlog.ripe(Timestamp(1_000)), 0);
    backlog.compacted(P, &extents[..3]);
    assert_eq!((backlog.lag(), backlog.ripe(Timestamp(1_000))), ((100, 1), 1));
    // Its own swap comes by the feed later, and changes nothing.
    backlog.read(P, &reading(&extents[3..]), Timestamp(0), Timestamp(1_000));
    backlog.swap(P, &(Offset(0)..Offset(3)));
    assert_eq!(backlog.ripe(Timestamp(1_000)), 0);
    backlog.swap(P, &(Offset(3)..Offset(4)));
    assert_eq!(backlog.ripe(Timestamp(1_000)), 1, "another compactor's swap");
}

#[test]
fn a_partition_without_data_at_level_0_takes_no_memory_and_no_look() {
    let mut backlog = Backlog::new(POLICY);
    backlog.append(P, &extent(0, 2_000, 0));
    backlog.read(P, &Reading { end: Offset(1), is_whole: true, ..Reading::default() }, Timestamp(0), Timestamp(0));
    assert_eq!((backlog.lag(), first_look(&mut backlog, 0)), ((0, 0), None));
    let mut file = extent(1, 2_000, 0);
    file.source = ExtentSource::History { level: 1 };
    backlog.append(P, &file);
    assert_eq!(first_look(&mut backlog, 0), None);
}

#[test]
fn data_that_cannot_be_compacted_is_looked_at_no_sooner_than_asked() {
    let extents = [extent(0, 2_000, 0)];
    let mut backlog = Backlog::new(POLICY);
    backlog.read(P, &reading(&extents), Timestamp(50_000), Timestamp(40_000));
    assert_eq!(first_look(&mut backlog, 0), Some(50_000), "ripe, and the look gave no work");
    let broken_bytes = reading(&extents).lag.bytes;
    let broken = Reading { pending: Lag::default(), broken_bytes, ..reading(&extents) };
    backlog.read(P, &broken, Timestamp(50_000), Timestamp(40_000));
    assert_eq!((backlog.lag(), first_look(&mut backlog, 0)), ((2_000, 1), None));
    assert_eq!(backlog.waiting_bytes(Timestamp(900_000)), 0, "what nobody can compact throttles no producer");
    backlog.append(P, &extent(1, 3_000, 0));
    assert_eq!(backlog.waiting_bytes(Timestamp(900_000)), 3_000);
}

#[test]
fn a_trim_within_level_0_asks_for_a_look() {
    let mut backlog = Backlog::new(POLICY);
    backlog.append(P, &extent(5, 100, 0));
    backlog.trim(P, Offset(5));
    assert_eq!(backlog.ripe(Timestamp(0)), 0);
    backlog.trim(P, Offset(6));
    assert_eq!(backlog.ripe(Timestamp(0)), 1);
}
