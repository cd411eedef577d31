//! Bugs that show late in a run, those of transactions among them: without optimisation they take minutes together. `.ci/run`
//! runs what is in this module with it.

use alluvium_sim::bug_injection::Bug;

use super::{assert_all_found, assert_found};

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn a_fenced_producer_that_may_write_is_found() {
    assert_found(Bug::StaleEpochs, 1, &["zombie-write"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn a_transaction_that_does_not_time_out_is_found() {
    assert_found(Bug::ForgottenTimeouts, 0, &["hanging-transaction"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn aborted_records_that_are_compacted_are_found() {
    assert_found(Bug::ForgottenAborts, 0, &["aborted-read"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn a_stable_offset_beyond_an_open_transaction_is_found() {
    assert_all_found(Bug::ForgottenOpenTransactions, 0, &["precommitted-read", "reads-disagree-about-aborted"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn an_end_that_leaves_a_partition_out_is_found() {
    assert_all_found(Bug::TornEnds, 0, &["torn-transaction", "unseen-after-end"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn an_offset_that_is_lost_by_the_end_of_its_transaction_is_found() {
    assert_found(Bug::LostPendingOffsets, 1, &["lost-offset-commit"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn an_offset_that_is_committed_before_its_transaction_is_found() {
    assert_found(Bug::EarlyOffsets, 1, &["doubled-offset-commit"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn a_store_that_loses_an_acknowledged_object_is_found() {
    assert_found(Bug::LostPut(4), 1, &["dangling-extent"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn an_index_that_hides_records_from_some_readers_is_found() {
    assert_found(Bug::HiddenExtents, 21, &["poll-skip", "offset-gap", "agents-disagree"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn lookups_that_are_too_slow_for_a_consumer_that_is_behind_are_found() {
    assert_found(Bug::SlowLookups, 27, &["catch-up-starved"]);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes long without optimisation, with which .ci/run runs it")]
fn a_metastore_that_loses_an_acknowledged_commit_is_found() {
    assert_found(Bug::LostCommits, 4, &["lost-write"]);
}
