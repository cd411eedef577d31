//! Systems with injected bugs: the checker finds each bug under the name of the invariant it violates.

mod long_runs;

use std::collections::BTreeSet;

use alluvium_sim::bug_injection::Bug;
use alluvium_sim::run::{RunOptions, run};

/// Further seeds to try: not every run shows every bug, and a change of the system may change which runs do.
const SEEDS: u64 = 10;

/// Names of the invariants violated in a run with `bug` and no other faults.
fn violated(seed: u64, bug: Bug) -> BTreeSet<&'static str> {
    let options = RunOptions { seed, duration: Some(bug.duration()), bug: Some(bug), ..RunOptions::default() };
    run(options).violations.into_iter().map(|violation| violation.invariant).collect()
}

/// Asserts that the seed `likely`, or another, violates one of `names` with `bug`.
fn assert_found(bug: Bug, likely: u64, names: &[&str]) {
    assert_found_by(bug, likely, names, |seen| names.iter().any(|name| seen.contains(name)));
}

/// Asserts that the seed `likely`, or others together, violate all of `names` with `bug`.
fn assert_all_found(bug: Bug, likely: u64, names: &[&str]) {
    assert_found_by(bug, likely, names, |seen| names.iter().all(|name| seen.contains(name)));
}

fn assert_found_by(bug: Bug, likely: u64, names: &[&str], suffices: impl Fn(&BTreeSet<&str>) -> bool) {
    let mut seen = BTreeSet::new();
    for seed in std::iter::once(likely).chain(0..SEEDS) {
        seen.extend(violated(seed, bug));
        if suffices(&seen) {
            return;
        }
    }
    panic!("{bug:?} violates {seen:?}, not {names:?}");
}

#[test]
fn without_a_bug_nothing_is_found() {
    assert_eq!(violated(3, Bug::None), BTreeSet::new());
}

#[test]
fn a_store_that_keeps_what_it_should_delete_is_found() {
    assert_found(Bug::KeptObjects, 1, &["leftover-object"]);
}

#[test]
fn a_metastore_that_sees_no_conflicts_is_found() {
    assert_found(Bug::LostConflicts, 1, &["offset-overlap"]);
}

#[test]
fn offsets_that_are_given_twice_are_found() {
    assert_found(Bug::OldHeads, 1, &["offset-overlap"]);
}

#[test]
fn a_producer_window_that_is_ignored_is_found() {
    assert_found(Bug::ForgottenWindows, 1, &["duplicate"]);
}

#[test]
fn a_committed_offset_that_is_not_written_is_found() {
    assert_found(Bug::LostGroupOffsets, 1, &["lost-commit", "committed-offset-went-back"]);
}

#[test]
fn a_coordinator_without_its_fence_is_found() {
    assert_found(Bug::Zombie, 1, &["stale-generation-accepted", "group-double-owner", "generation-went-back"]);
}

#[test]
fn swaps_and_trims_that_lose_to_every_append_are_found() {
    let names = BTreeSet::from(["compaction-starved", "retention-starved"]);
    let mut seeds = std::iter::once(28).chain(0..SEEDS);
    let found = seeds.any(|seed| violated(seed, Bug::StarvedSwaps).is_superset(&names));
    assert!(found, "no seed violates both of {names:?}");
}

#[test]
fn a_compactor_that_does_not_find_its_work_is_found() {
    assert_found(Bug::BlindCompactors, 28, &["compaction-starved"]);
}
