//! Systems that are broken on purpose: what they break is found, by name.

use std::collections::BTreeSet;

use alluvium_sim::bug_injection::Bug;
use alluvium_sim::run::{RunOptions, run};

/// Further seeds that are tried: not every run is of a kind that shows every bug, and another may be so tomorrow.
const SEEDS: u64 = 10;

/// Names of what is violated in a run without nemesis but with `bug`.
fn found(seed: u64, bug: Bug) -> BTreeSet<&'static str> {
    let options = RunOptions { seed, duration: Some(bug.duration()), bug: Some(bug), ..RunOptions::default() };
    run(options).violations.into_iter().map(|violation| violation.invariant).collect()
}

/// The seed `likely`, or another, shows `bug` as one of `names`.
fn caught(bug: Bug, likely: u64, names: &[&str]) {
    let mut seen = BTreeSet::new();
    for seed in std::iter::once(likely).chain(0..SEEDS) {
        seen.extend(found(seed, bug));
        if names.iter().any(|name| seen.contains(name)) {
            return;
        }
    }
    panic!("{bug:?} is found as {seen:?}");
}

#[test]
fn without_breakage_nothing_is_found() {
    assert_eq!(found(0, Bug::None), BTreeSet::new());
}

#[test]
fn a_store_that_loses_an_acknowledged_object_is_found() {
    caught(Bug::LostPut(4), 0, &["dangling-extent"]);
}

#[test]
fn a_store_that_keeps_what_it_should_delete_is_found() {
    caught(Bug::KeptObjects, 0, &["leftover-object"]);
}

#[test]
fn a_metastore_that_loses_an_acknowledged_commit_is_found() {
    caught(Bug::LostCommits, 3, &["lost-write"]);
}

#[test]
fn a_metastore_that_sees_no_conflicts_is_found() {
    caught(Bug::LostConflicts, 0, &["offset-overlap"]);
}

#[test]
fn offsets_that_are_given_twice_are_found() {
    caught(Bug::OldHeads, 0, &["offset-overlap"]);
}

#[test]
fn a_producer_window_that_is_ignored_is_found() {
    caught(Bug::ForgottenWindows, 4, &["duplicate"]);
}

#[test]
fn an_index_that_hides_records_from_some_readers_is_found() {
    caught(Bug::HiddenExtents, 2, &["poll-skip", "offset-gap", "agents-disagree"]);
}

#[test]
fn a_committed_offset_that_is_not_written_is_found() {
    caught(Bug::LostGroupOffsets, 0, &["lost-commit", "committed-offset-went-back"]);
}

#[test]
fn a_coordinator_without_its_fence_is_found() {
    caught(Bug::Zombie, 6, &["stale-generation-accepted", "group-double-owner", "generation-went-back"]);
}
