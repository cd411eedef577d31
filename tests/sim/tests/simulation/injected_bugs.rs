//! Systems with injected bugs: the checker finds each bug under the name of the invariant it violates.

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
fn a_store_that_loses_an_acknowledged_object_is_found() {
    assert_found(Bug::LostPut(4), 1, &["dangling-extent"]);
}

#[test]
fn a_store_that_keeps_what_it_should_delete_is_found() {
    assert_found(Bug::KeptObjects, 1, &["leftover-object"]);
}

#[test]
fn a_metastore_that_loses_an_acknowledged_commit_is_found() {
    assert_found(Bug::LostCommits, 4, &["lost-write"]);
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
fn an_index_that_hides_records_from_some_readers_is_found() {
    assert_found(Bug::HiddenExtents, 21, &["poll-skip", "offset-gap", "agents-disagree"]);
}

#[test]
fn a_committed_offset_that_is_not_written_is_found() {
    assert_found(Bug::LostGroupOffsets, 1, &["lost-commit", "committed-offset-went-back"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn a_fenced_producer_that_may_write_is_found() {
    assert_found(Bug::StaleEpochs, 1, &["zombie-write"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn a_transaction_that_does_not_time_out_is_found() {
    assert_found(Bug::ForgottenTimeouts, 0, &["hanging-transaction"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn aborted_records_that_are_compacted_are_found() {
    assert_found(Bug::ForgottenAborts, 0, &["aborted-read"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn a_stable_offset_beyond_an_open_transaction_is_found() {
    assert_all_found(Bug::ForgottenOpenTransactions, 0, &["precommitted-read", "reads-disagree-about-aborted"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn an_end_that_leaves_a_partition_out_is_found() {
    assert_all_found(Bug::TornEnds, 0, &["torn-transaction", "unseen-after-end"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn an_offset_that_is_lost_by_the_end_of_its_transaction_is_found() {
    assert_found(Bug::LostPendingOffsets, 1, &["lost-offset-commit"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimisation, with which .ci/run runs it")]
fn an_offset_that_is_committed_before_its_transaction_is_found() {
    assert_found(Bug::EarlyOffsets, 1, &["doubled-offset-commit"]);
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

#[test]
fn lookups_that_are_too_slow_for_a_consumer_that_is_behind_are_found() {
    assert_found(Bug::SlowLookups, 27, &["catch-up-starved"]);
}
