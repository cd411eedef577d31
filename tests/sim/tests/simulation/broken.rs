//! Systems that are broken on purpose: what they break is found, by name.

use std::collections::BTreeSet;

use alluvium_sim::breakage::Breakage;
use alluvium_sim::run::{Order, run};

/// Further seeds that are tried: not every run is of a kind that shows every breakage, and another may be so tomorrow.
const SEEDS: u64 = 10;

/// Names of what is violated in a run without mischief but with `breakage`.
fn found(seed: u64, breakage: Breakage) -> BTreeSet<&'static str> {
    let order = Order { seed, duration: Some(breakage.duration()), breakage: Some(breakage), ..Order::default() };
    run(order).violations.into_iter().map(|violation| violation.invariant).collect()
}

/// The seed `likely`, or another, shows `breakage` as one of `names`.
fn caught(breakage: Breakage, likely: u64, names: &[&str]) {
    let mut seen = BTreeSet::new();
    for seed in std::iter::once(likely).chain(0..SEEDS) {
        seen.extend(found(seed, breakage));
        if names.iter().any(|name| seen.contains(name)) {
            return;
        }
    }
    panic!("{breakage:?} is found as {seen:?}");
}

#[test]
fn without_breakage_nothing_is_found() {
    assert_eq!(found(0, Breakage::None), BTreeSet::new());
}

#[test]
fn a_store_that_loses_an_acknowledged_object_is_found() {
    caught(Breakage::LostPut(4), 0, &["dangling-extent"]);
}

#[test]
fn a_store_that_keeps_what_it_should_delete_is_found() {
    caught(Breakage::KeptObjects, 0, &["leftover-object"]);
}

#[test]
fn a_metastore_that_loses_an_acknowledged_commit_is_found() {
    caught(Breakage::LostCommits, 3, &["lost-write"]);
}

#[test]
fn a_metastore_that_sees_no_conflicts_is_found() {
    caught(Breakage::LostConflicts, 0, &["offset-overlap"]);
}

#[test]
fn offsets_that_are_given_twice_are_found() {
    caught(Breakage::OldHeads, 0, &["offset-overlap"]);
}

#[test]
fn a_producer_window_that_is_ignored_is_found() {
    caught(Breakage::ForgottenWindows, 4, &["duplicate"]);
}

#[test]
fn an_index_that_hides_records_from_some_readers_is_found() {
    caught(Breakage::HiddenExtents, 2, &["poll-skip", "offset-gap", "agents-disagree"]);
}

#[test]
fn a_committed_offset_that_is_not_written_is_found() {
    caught(Breakage::LostGroupOffsets, 0, &["lost-commit", "committed-offset-went-back"]);
}

#[test]
fn a_coordinator_without_its_fence_is_found() {
    caught(Breakage::Zombie, 6, &["stale-generation-accepted", "group-double-owner", "generation-went-back"]);
}
