//! The plan: what is rewritten and merged, how often, and what is not eligible yet.

use std::ops::Range;
use std::time::Duration;

use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Compaction, Job, Lag, Policy, Selection, pack, plan, sort};

const POLICY: Policy = Policy {
    bytes_min: 1_000,
    age_max: Duration::from_secs(10),
    small_age_max: Duration::from_secs(10),
    file_bytes_target: 10_000,
};
const NONE: Vec<Range<usize>> = Vec::new();
const NOW: Timestamp = Timestamp(50_000);

fn extent(n: i64, bytes: u64, source: ExtentSource) -> Extent {
    Extent {
        offsets: Offset(n)..Offset(n + 1),
        object: ObjectId::new(Timestamp(45_000 + n), 0, 0),
        source,
        bytes,
        records: 1,
        timestamps: (Timestamp(0), Timestamp(0)),
    }
}

fn segments(sizes: &[u64]) -> Vec<Extent> {
    let source = || ExtentSource::Segment { position: 0..1, rejected: Vec::new() };
    (0..).zip(sizes).map(|(n, bytes)| extent(n, *bytes, source())).collect()
}

fn files(sizes: &[u64]) -> Vec<Extent> {
    (0..)
        .zip(sizes)
        .map(|(n, bytes)| extent(n, *bytes, ExtentSource::History { level: 1, file_bytes: *bytes }))
        .collect()
}

fn merges(sizes: &[u64]) -> Vec<Range<usize>> {
    plan(&files(sizes), &POLICY, Selection::Eligible, NOW, |_| true).merges
}

#[test]
fn little_data_waits_longer_in_proportion_up_to_a_limit_and_many_extents_never_wait() {
    let policy = Policy { bytes_min: 32 << 20, small_age_max: Duration::from_secs(3600), ..POLICY };
    let ripe_at = |bytes, extents| policy.ripe_at(&Lag { bytes, extents, oldest: Some(Timestamp(0)) }).0 / 1000;
    assert_eq!(ripe_at(2 << 20, 5), 10);
    assert_eq!(ripe_at(1 << 20, 5), 10);
    assert_eq!(ripe_at(1 << 18, 5), 40);
    assert_eq!(ripe_at(100, 5), 3_600);
    assert_eq!(ripe_at(100, 499), 3_600);
    assert_eq!(ripe_at(100, 500), 0);
    assert_eq!(ripe_at(32 << 20, 5), 0);
}

#[test]
fn little_data_may_be_rewritten_a_quarter_of_its_age_earlier_and_other_data_may_not() {
    let policy = Policy { bytes_min: 32 << 20, small_age_max: Duration::from_secs(3600), ..POLICY };
    let early_at = |bytes, extents| policy.early_at(&Lag { bytes, extents, oldest: Some(Timestamp(0)) }).0 / 1000;
    assert_eq!(early_at(2 << 20, 5), 10);
    assert_eq!(early_at(1 << 18, 5), 30);
    assert_eq!(early_at(100, 5), 2_700);
    assert_eq!(early_at(100, 500), 0);
    assert_eq!(policy.early_at(&Lag::default()), Timestamp(i64::MAX));
    let rewrites = |selection, now| plan(&segments(&[300, 300]), &POLICY, selection, Timestamp(now), |_| true).rewrites;
    assert_eq!(rewrites(Selection::Eligible, 53_000), NONE);
    assert_eq!(rewrites(Selection::Early, 53_000), vec![0..2]);
    assert_eq!(rewrites(Selection::Early, 52_000), NONE);
}

#[test]
fn data_is_slow_if_it_is_ripe_because_of_the_longest_age_alone() {
    let policy = Policy { bytes_min: 32 << 20, small_age_max: Duration::from_secs(3600), ..POLICY };
    let is_slow = |bytes, seconds: i64| {
        let lag = Lag { bytes, extents: 500, oldest: Some(Timestamp(0)) };
        policy.is_slow(&lag, Timestamp(seconds * 1_000))
    };
    assert!(is_slow(100, 3_600));
    assert!(!is_slow(100, 3_599), "ripe because of its extents");
    assert!(!is_slow(1 << 18, 40), "ripe at a lower age");
    assert!(!is_slow(1 << 20, 3_600), "not small");
    assert!(!policy.is_slow(&Lag::default(), NOW));
}

#[test]
fn segments_are_rewritten_when_they_are_many_or_old() {
    let eligible = |sizes: &[u64], now| plan(&segments(sizes), &POLICY, Selection::Eligible, now, |_| true).rewrites;
    assert_eq!(eligible(&[300, 300], NOW), NONE);
    assert_eq!(eligible(&[300, 300, 400], NOW), vec![0..3]);
    assert_eq!(eligible(&[300, 300], Timestamp(55_000)), vec![0..2]);
    let all = plan(&segments(&[1]), &POLICY, Selection::All, NOW, |_| true);
    assert_eq!(all.rewrites, vec![0..1]);
    assert_eq!((all.lag.bytes, all.lag.extents), (1, 1));
}

#[test]
fn a_rewrite_is_bounded_in_bytes_and_extents() {
    let rewrites = |sizes: &[u64]| plan(&segments(sizes), &POLICY, Selection::All, NOW, |_| true).rewrites;
    assert_eq!(rewrites(&[30_000, 10_000, 1, 90_000, 1]), vec![0..2, 2..3, 3..4, 4..5]);
    assert_eq!(rewrites(&[1; 4_500]), vec![0..2_000, 2_000..4_000, 4_000..4_500]);
}

#[test]
fn a_broken_extent_is_planned_around() {
    let extents = segments(&[2_000; 5]);
    let plan = plan(&extents, &POLICY, Selection::Eligible, NOW, |extent| extent.offsets.start != Offset(2));
    assert_eq!(plan.rewrites, vec![0..2, 3..5]);
}

#[test]
fn neighbours_are_merged_when_every_byte_ends_up_in_a_file_twice_as_large() {
    assert_eq!(merges(&[100, 100, 100]), NONE, "too few");
    assert_eq!(merges(&[100, 100, 100, 100]), vec![0..4]);
    assert_eq!(merges(&[5_000, 100, 100, 100]), NONE, "the large file would be rewritten without need");
    assert_eq!(merges(&[5_000, 100, 100, 100, 100]), vec![1..5]);
    assert_eq!(merges(&[4_000, 4_000, 4_000, 4_000]), NONE, "they do not fit one file");
    assert_eq!(merges(&[2_000, 2_000, 2_000, 2_000, 4_000]), vec![0..4]);
}

#[test]
fn a_part_of_a_shared_file_is_not_merged_without_the_others() {
    let mut files = files(&[1; 9]);
    files[4].source = ExtentSource::History { level: 1, file_bytes: 100 };
    assert_eq!(plan(&files, &POLICY, Selection::All, NOW, |_| true).merges, vec![0..4, 5..9]);
}

#[test]
fn leading_large_files_are_compacted_through() {
    let compacted_through =
        |sizes: &[u64]| plan(&files(sizes), &POLICY, Selection::Eligible, NOW, |_| true).compacted_through;
    assert_eq!(compacted_through(&[9_000, 6_000, 100, 9_000]), Offset(2));
    assert_eq!(compacted_through(&[100, 9_000]), Offset(0));
}

proptest! {
    /// Adds files one by one and merges them as planned.
    #[test]
    fn a_byte_is_rewritten_a_logarithmic_number_of_times(sizes in vec(50..3_000_u64, 1..300)) {
        let mut live: Vec<(u64, u32)> = Vec::new();
        for size in sizes {
            live.push((size, 1));
            loop {
                let merges = merges(&live.iter().map(|(bytes, _)| *bytes).collect::<Vec<_>>());
                let Some(merge) = merges.first() else { break };
                let merged = live[merge.clone()].iter().fold((0, 0), |sum, file| (sum.0 + file.0, sum.1.max(file.1)));
                live.splice(merge.clone(), [(merged.0, merged.1 + 1)]);
            }
            // From 50 bytes to 10,000 in steps of at least two: 8, and the first writing.
            prop_assert!(live.iter().all(|(bytes, times)| *times <= 9 && *bytes <= 10_000));
        }
        // No more than a handful of small files are ever left side by side.
        let small = live.iter().rev().take_while(|(bytes, _)| *bytes < 2_000).count();
        prop_assert!(small <= 24, "{} small files", small);
    }
}

#[test]
fn small_rewrites_share_a_job_and_large_ones_do_not() {
    let rewrite = |partition, bytes| Compaction {
        topic: "orders".to_owned(),
        partition: TopicPartition::new(TopicId::default(), PartitionIndex(partition)),
        log_start: Offset(0),
        inputs: segments(&[bytes]),
    };
    let jobs = pack(vec![rewrite(3, 40_000), rewrite(1, 50_000), rewrite(2, 500_000), rewrite(4, 50_000)], 100_000);
    let sizes = jobs.iter().map(|job| match job {
        Job::Rewrite(rewrites) => rewrites.iter().map(|rewrite| rewrite.partition.partition.0).collect::<Vec<_>>(),
        Job::Merge(_) => panic!("no merge was planned"),
    });
    assert_eq!(sizes.collect::<Vec<_>>(), vec![vec![1], vec![2], vec![3, 4]]);
    let many = pack((0..2_000).map(|n| rewrite(n, 1)).collect(), 1_000_000);
    let memory = |job: &Job| job.compactions().iter().map(Compaction::memory_bytes).sum::<u64>();
    assert!(many.iter().all(|job| memory(job) <= 1_000_000), "what a compaction takes beside its bytes counts");
    assert_eq!(many.len(), 3, "as few as the memory allows");
}

#[test]
fn the_second_compactions_of_partitions_follow_the_first_ones_of_all_their_neighbours() {
    let compaction = |(number, start): (i32, i64)| Compaction {
        topic: "orders".to_owned(),
        partition: TopicPartition::new(TopicId::default(), PartitionIndex(number)),
        log_start: Offset(0),
        inputs: vec![extent(start, 1, ExtentSource::Segment { position: 0..1, rejected: Vec::new() })],
    };
    let mut all: Vec<Compaction> = [(1, 9), (60, 0), (0, 5), (1, 2), (0, 7), (2, 0), (60, 3)].map(compaction).into();
    sort(&mut all);
    let sorted: Vec<_> = all.iter().map(|of| (of.partition.partition.0, of.offsets().start.0)).collect();
    assert_eq!(sorted, [(0, 5), (1, 2), (2, 0), (0, 7), (1, 9), (60, 0), (60, 3)]);
}
