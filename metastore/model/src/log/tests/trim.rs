use super::fixtures::{extent, head};
use crate::{
    Offset, Timestamp,
    log::{
        Head,
        trim::{TrimStep, trim_step},
    },
};

fn log() -> Vec<crate::Extent> {
    vec![extent(0..10), extent(10..20), extent(20..30)]
}

#[test]
fn whole_extents_below_the_new_start_are_unlinked() {
    let step = trim_step(head(0, 0, 30), Offset(20), &log(), 10);
    assert_eq!(step, TrimStep { head: head(20, 20, 30), unlinked: 2, done: true });
}

#[test]
fn an_extent_that_reaches_past_the_new_start_stays() {
    let step = trim_step(head(0, 0, 30), Offset(19), &log(), 10);
    assert_eq!(step, TrimStep { head: Head { start: Offset(19), ..head(10, 10, 30) }, unlinked: 1, done: true });
}

#[test]
fn a_log_can_be_trimmed_to_its_end() {
    let step = trim_step(head(0, 0, 30), Offset(30), &log(), 10);
    let empty = Head { earliest: Timestamp::NONE, ..head(30, 30, 30) };
    assert_eq!(step, TrimStep { head: empty, unlinked: 3, done: true });
}

#[test]
fn a_step_moves_the_start_no_further_than_it_unlinks() {
    let step = trim_step(head(0, 0, 30), Offset(25), &log()[..2], 1);
    assert_eq!(step, TrimStep { head: head(10, 10, 30), unlinked: 1, done: false });
    let step = trim_step(step.head, Offset(25), &log()[1..3], 1);
    assert_eq!(step, TrimStep { head: Head { start: Offset(25), ..head(20, 20, 30) }, unlinked: 1, done: true });
}

#[test]
fn the_start_never_moves_back_nor_past_the_end() {
    assert_eq!(trim_step(head(0, 5, 30), Offset(3), &log(), 10).head.start, Offset(5));
    assert_eq!(trim_step(head(0, 5, 30), Offset(99), &log(), 10).head.start, Offset(30));
}
