//! The store at the end: every extent has its object, every object is needed, extents leave nothing out.

use alluvium_model::Offset;

use super::history_builder::HistoryBuilder;
use crate::history::EventKind;

fn written() -> HistoryBuilder {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10, 11, 12]);
    builder.ack(1, 0);
    builder.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    builder
}

#[test]
fn extents_side_by_side_in_objects_that_are_there_are_fine() {
    let mut builder = written();
    builder.objects(&[(2, 3, 2), (0, 2, 1)], &[1, 2, 3], &[3, 4]);
    assert!(builder.violated().is_empty());
}

#[test]
fn an_extent_without_its_object_dangles() {
    let mut builder = written();
    builder.objects(&[(0, 2, 1), (2, 3, 2)], &[1], &[]);
    assert_eq!(builder.violated(), ["dangling-extent"]);
}

#[test]
fn an_extent_in_a_retired_object_dangles() {
    let mut builder = written();
    builder.objects(&[(0, 3, 1)], &[1], &[1]);
    assert_eq!(builder.violated(), ["dangling-extent"]);
}

#[test]
fn an_object_that_nothing_points_to_is_left_over() {
    let mut builder = written();
    builder.objects(&[(0, 3, 1)], &[1, 2], &[]);
    assert_eq!(builder.violated(), ["leftover-object"]);
    let mut builder = written();
    builder.objects(&[(0, 3, 1)], &[1], &[]);
    if let Some(EventKind::FinalObjects(objects)) = builder.history.events.last_mut().map(|event| &mut event.what) {
        objects.strange.push("x".to_owned());
    }
    assert_eq!(builder.violated(), ["leftover-object"]);
}

#[test]
fn extents_that_share_an_offset_overlap() {
    let mut builder = written();
    builder.objects(&[(0, 2, 1), (1, 3, 1)], &[1], &[]);
    assert_eq!(builder.violated(), ["extent-overlap"]);
    let mut builder = written();
    builder.objects(&[(0, 3, 1), (3, 3, 1)], &[1], &[]);
    assert_eq!(builder.violated(), ["extent-overlap"]);
}

#[test]
fn an_offset_in_no_extent_is_a_gap_in_the_middle_and_at_both_ends() {
    for live in [&[(0, 1, 1), (2, 3, 1)][..], &[(1, 3, 1)], &[(0, 2, 1)], &[]] {
        let mut builder = written();
        builder.objects(live, &[1][..live.len().min(1)], &[]);
        assert_eq!(builder.violated(), ["extent-gap"], "{live:?}");
    }
}

#[test]
fn extents_need_not_reach_below_the_log_start() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10, 11, 12]);
    builder.ack(1, 0);
    builder.trim(2);
    let mut back = builder.readback_of(0, &[(2, 12)]);
    back.log_start = Offset(2);
    builder.record(0, EventKind::Readback(back));
    builder.objects(&[(1, 3, 1)], &[1], &[]);
    assert!(builder.violated().is_empty());
}

#[test]
fn what_is_stuck_is_told() {
    let mut builder = written();
    builder.record(0, EventKind::Stuck("a consumer waits".to_owned()));
    assert_eq!(builder.violated(), ["stuck"]);
}
