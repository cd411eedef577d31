use super::fixtures::extent;
use crate::{
    Offset,
    log::trim::{TrimStep, trim_step},
};

#[test]
fn whole_extents_below_the_new_start_are_unlinked() {
    let step = trim_step(Offset(20), &[extent(0..10), extent(10..20)], 10);
    assert_eq!(step, TrimStep { start: Offset(20), removed: 200, done: true });
}

#[test]
fn a_log_can_begin_within_an_extent() {
    let step = trim_step(Offset(19), &[extent(0..10)], 10);
    assert_eq!(step, TrimStep { start: Offset(19), removed: 100, done: true });
    assert_eq!(trim_step(Offset(5), &[], 10), TrimStep { start: Offset(5), removed: 0, done: true });
}

#[test]
fn a_step_moves_the_start_no_further_than_it_unlinks() {
    let step = trim_step(Offset(25), &[extent(0..10)], 1);
    assert_eq!(step, TrimStep { start: Offset(10), removed: 100, done: false });
    let step = trim_step(Offset(20), &[extent(10..20)], 1);
    assert_eq!(step, TrimStep { start: Offset(20), removed: 100, done: true });
}
