use std::time::Duration;

use super::fixtures::{NOW, appended, batch, partition, segment, sequenced, state};
use crate::{
    Extent, ExtentSource, Offset, ProducerEpoch, Sequence, Timestamp,
    limits::{COMMIT_AGE_MAX, COMMIT_BATCHES_MAX},
    log::{BatchAck, BatchCommit, BatchRejection, Commit, CommitLimits, CommitState, SegmentCommit, commit},
};

fn decide(state: &CommitState, segments: &[SegmentCommit]) -> Commit {
    for segment in segments {
        assert_eq!(segment.check(), Ok(()));
    }
    commit(state, segments, NOW, &CommitLimits::default())
}

/// What a commit leaves for the next one.
fn after(mut state: CommitState, commit: &Commit) -> CommitState {
    state.heads.extend(commit.heads.clone());
    state.windows.extend(commit.windows.clone());
    state
}

#[test]
fn records_get_one_offset_each_from_the_head_on() {
    let segments = [segment(1, vec![(0, vec![batch(3), batch(2)]), (1, vec![batch(1)])])];
    let commit = decide(&state(2), &segments);
    assert_eq!(commit.outcomes[0].runs[0].batches, [appended(0), appended(3)]);
    assert_eq!(commit.outcomes[0].runs[1].batches, [appended(0)]);
    assert_eq!(
        commit.extents[0],
        (
            partition(0),
            Extent {
                offsets: Offset(0)..Offset(5),
                object: segments[0].object,
                source: ExtentSource::Segment { position: 0..200, rejected: vec![] },
                bytes: 200,
                records: 5,
                timestamps: (NOW, NOW),
            }
        )
    );
    let head = commit.heads[&partition(0)];
    assert_eq!((head.next, head.stable, head.appended), (Offset(5), Offset(5), 200));
    assert_eq!(commit.objects[0].references, 2);
}

#[test]
fn a_partition_goes_on_over_the_segments_of_one_commit() {
    let segments = [
        segment(1, vec![(0, vec![sequenced(0, 0, 2)])]),
        segment(2, vec![(0, vec![sequenced(0, 2, 3)])]),
        segment(3, vec![(0, vec![sequenced(0, 0, 2), sequenced(0, 5, 1)])]),
    ];
    let commit = decide(&state(1), &segments);
    assert_eq!(commit.outcomes[1].runs[0].batches, [appended(2)]);
    let duplicate = Ok(BatchAck { base: Offset(0), duplicate: true, timestamp: NOW });
    assert_eq!(commit.outcomes[2].runs[0].batches, [duplicate, appended(5)]);
    let offsets: Vec<_> = commit.extents.iter().map(|(_, extent)| extent.offsets.clone()).collect();
    assert_eq!(offsets, [Offset(0)..Offset(2), Offset(2)..Offset(5), Offset(5)..Offset(6)]);
    assert_eq!(commit.extents[2].1.source, ExtentSource::Segment { position: 0..200, rejected: vec![0] });
}

#[test]
fn refused_batches_take_no_offset_and_are_numbered_in_the_extent() {
    let known = decide(&state(1), &[segment(1, vec![(0, vec![sequenced(1, 0, 5)])])]);
    let state = after(state(1), &known);
    let batches = vec![sequenced(0, 5, 1), sequenced(1, 0, 5), batch(4), sequenced(1, 9, 1), sequenced(1, 5, 1)];
    let commit = decide(&state, &[segment(2, vec![(0, batches)])]);
    assert_eq!(
        commit.outcomes[0].runs[0].batches,
        [
            Err(BatchRejection::FencedEpoch { current: ProducerEpoch(1) }),
            Ok(BatchAck { base: Offset(0), duplicate: true, timestamp: NOW }),
            appended(5),
            Err(BatchRejection::OutOfOrderSequence { expected: Sequence(5), found: Sequence(9) }),
            appended(9),
        ]
    );
    let (_, extent) = &commit.extents[0];
    assert_eq!(extent.offsets, Offset(5)..Offset(10));
    assert_eq!(extent.source, ExtentSource::Segment { position: 0..500, rejected: vec![0, 1, 3] });
}

#[test]
fn a_segment_of_nothing_but_refused_batches_has_no_extent_and_no_reference() {
    let segments = [segment(1, vec![(0, vec![sequenced(0, 0, 1)])])];
    let state = after(state(1), &decide(&state(1), &segments));
    let commit = decide(&state, &[segment(2, vec![(0, vec![sequenced(0, 0, 1)])])]);
    assert!(commit.extents.is_empty() && commit.heads.is_empty() && commit.windows.is_empty());
    assert_eq!((commit.objects.len(), commit.objects[0].references), (1, 0));
}

#[test]
fn an_unknown_partition_is_refused_and_the_others_are_committed() {
    let commit = decide(&state(1), &[segment(1, vec![(0, vec![batch(1)]), (9, vec![batch(1), batch(1)])])]);
    assert_eq!(commit.outcomes[0].runs[0].batches, [appended(0)]);
    let run = &commit.outcomes[0].runs[1];
    assert_eq!(run.batches, [Err(BatchRejection::UnknownPartition); 2]);
    assert_eq!(run.start, Offset(-1));
    assert_eq!(commit.objects[0].references, 1);
}

#[test]
fn a_segment_that_comes_too_late_is_refused_without_a_trace() {
    let segments = [segment(1, vec![(0, vec![sequenced(0, 0, 1)])]), segment(2, vec![(9, vec![batch(1)])])];
    let at = |age| {
        let now = NOW.plus(age);
        (now, commit(&state(1), &segments, now, &CommitLimits::default()))
    };
    let (now, late) = at(COMMIT_AGE_MAX + Duration::from_millis(1));
    for outcome in &late.outcomes {
        assert_eq!(outcome.runs[0].batches, [Err(BatchRejection::SegmentTooOld { created: NOW, now })]);
    }
    assert_eq!(Commit { outcomes: vec![], ..late }, Commit::default());
    assert_eq!(at(COMMIT_AGE_MAX).1.extents.len(), 1);
}

#[test]
fn a_producer_idle_for_longer_than_the_expiry_may_begin_anywhere() {
    let known = decide(&state(1), &[segment(1, vec![(0, vec![sequenced(3, 0, 1)])])]);
    let mut state = after(state(1), &known);
    let next = segment(2, vec![(0, vec![sequenced(0, 40, 1)])]);
    assert!(decide(&state, std::slice::from_ref(&next)).extents.is_empty());
    for window in state.windows.values_mut() {
        window.touched = NOW.minus(CommitLimits::default().producer_expiry).plus_ms(-1);
    }
    assert_eq!(decide(&state, &[next]).outcomes[0].runs[0].batches, [appended(1)]);
}

#[test]
fn an_extent_spans_the_timestamps_of_its_appended_batches_only() {
    let stamped =
        |batch: BatchCommit, low, high| BatchCommit { timestamps: (Timestamp(low), Timestamp(high)), ..batch };
    let batches =
        vec![stamped(batch(1), 50, 60), stamped(sequenced(0, 0, 1), 40, 55), stamped(sequenced(0, 0, 1), 1, 99)];
    let commit = decide(&state(1), &[segment(1, vec![(0, batches)])]);
    assert_eq!(commit.extents[0].1.timestamps, (Timestamp(40), Timestamp(60)));
    let Ok(ack) = commit.outcomes[0].runs[0].batches[2] else { panic!("duplicates are acknowledged") };
    assert_eq!(ack, BatchAck { base: Offset(1), duplicate: true, timestamp: Timestamp(55) });
}

#[test]
fn a_malformed_segment_is_recognised() {
    let whole = || segment(1, vec![(0, vec![batch(1)])]);
    let problem = |segment: SegmentCommit| segment.check().unwrap_err().problem;

    let mut gap = whole();
    gap.runs[0].position.end += 1;
    assert_eq!(problem(gap), "a run's position and its batches' bytes differ");
    assert_eq!(problem(segment(1, vec![(0, vec![batch(0)])])), "a batch holds no record");
    assert_eq!(problem(segment(1, vec![(0, vec![])])), "a run holds no batch");
    let flood = segment(1, vec![(0, vec![batch(1); COMMIT_BATCHES_MAX + 1])]);
    assert_eq!(problem(flood), "more batches than a commit may carry");
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is wrong with it")]
    let backwards = 5..3;
    let mut inverted = whole();
    inverted.runs[0].position = backwards;
    assert_eq!(problem(inverted), "a run's position and its batches' bytes differ");
}

#[test]
fn the_rows_of_a_segment_count_each_producer_of_a_run_once() {
    let segment = segment(1, vec![(0, vec![sequenced(0, 0, 1), sequenced(0, 1, 1), batch(1)]), (1, vec![batch(1)])]);
    assert_eq!((segment.rows(), segment.batches()), (2 + 1 + 2 + 2, 4));
}
