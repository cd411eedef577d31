//! Transactions: read-committed readers see whole ones that were committed, and nothing else.

use alluvium_model::{Offset, ProducerId};

use super::history_builder::{HistoryBuilder, SendOptions};
use crate::history::{EventKind, Marker, Outcome, TxnId};

const IN_TXN: SendOptions = SendOptions { actor: 1, partition: 0, connection: 1, producer: Some(5), txn: Some(1) };

/// Two records of one transaction, its commit asked for or not, a marker at 2.
fn begun() -> HistoryBuilder {
    let mut builder = HistoryBuilder::default();
    for (value, offset) in [(10, 0), (11, 1)] {
        builder.send_as(IN_TXN, value, &[value]);
        builder.ack(value, offset);
    }
    builder
}

fn committed(outcome: Outcome) -> HistoryBuilder {
    let mut builder = begun();
    builder.ending(1, true);
    builder.ended(1, true, outcome);
    builder
}

fn aborted() -> HistoryBuilder {
    let mut builder = begun();
    builder.ending(1, false);
    builder.ended(1, false, Outcome::Done);
    builder
}

const BOTH: &[(i64, u64)] = &[(0, 10), (1, 11)];

#[test]
fn a_committed_transaction_is_read_behind_its_commit() {
    for outcome in [Outcome::Done, Outcome::Unknown] {
        let mut builder = committed(outcome);
        builder.poll_committed(2, (0, 3), BOTH);
        builder.readback_committed((0, 3), BOTH);
        assert!(builder.violated().is_empty());
    }
}

#[test]
fn a_poll_that_was_answered_before_the_commit_was_asked_for_is_precommitted() {
    let mut builder = begun();
    builder.poll_committed(2, (0, 2), BOTH);
    let open = builder.clone();
    assert_eq!(open.violated(), ["precommitted-read"], "still open");
    builder.ending(1, true);
    builder.ended(1, true, Outcome::Done);
    assert_eq!(builder.violated(), ["precommitted-read"]);
}

#[test]
fn readers_of_everything_see_open_transactions() {
    let mut builder = begun();
    builder.poll(2, 0, BOTH);
    assert!(builder.violated().is_empty());
}

#[test]
fn an_aborted_transaction_is_not_for_read_committed_readers() {
    let mut builder = aborted();
    let mut right = builder.clone();
    builder.poll_committed(2, (0, 3), &BOTH[..1]);
    assert_eq!(builder.violated(), ["aborted-read"]);
    right.poll(3, 0, BOTH);
    right.poll_committed(2, (0, 3), &[]);
    right.readback_committed((0, 3), &[]);
    assert!(right.violated().is_empty(), "passing over what was aborted is no skip, no loss and no gap");
}

#[test]
fn a_refused_commit_aborts() {
    let mut builder = committed(Outcome::Refused);
    builder.readback_committed((0, 3), &[]);
    assert!(builder.violated().is_empty());
}

#[test]
fn a_poll_without_a_committed_record_is_a_skip() {
    let mut builder = committed(Outcome::Done);
    builder.poll_committed(3, (0, 3), BOTH);
    builder.poll_committed(2, (0, 3), &BOTH[1..]);
    assert_eq!(builder.violated(), ["poll-skip"]);
}

#[test]
fn half_a_transaction_is_torn() {
    let mut builder = committed(Outcome::Unknown);
    let mut none = builder.clone();
    builder.readback_committed((0, 3), &BOTH[..1]);
    assert_eq!(builder.violated(), ["lost-write", "offset-gap", "torn-transaction"]);
    none.readback_committed((0, 3), &[]);
    assert!(none.violated().is_empty(), "a commit of unknown end may not have happened");
}

#[test]
fn markers_take_an_offset_and_are_no_gap() {
    let mut builder = committed(Outcome::Done);
    let mut back = builder.readback_of(0, BOTH);
    back.high_watermark = Offset(3);
    back.markers = vec![Marker { offset: Offset(2), producer: ProducerId(5), commit: true }];
    builder.record(0, EventKind::Readback(back.clone()));
    assert!(builder.violated().is_empty());
    back.high_watermark = Offset(5);
    builder.record(0, EventKind::Readback(back));
    assert_eq!(builder.violated(), ["offset-gap"], "one transaction leaves one marker");
}

#[test]
fn what_compaction_drops_of_an_aborted_transaction_is_no_difference() {
    let mut builder = aborted();
    builder.send_as(SendOptions { actor: 2, producer: Some(6), txn: None, ..IN_TXN }, 12, &[12]);
    builder.ack(12, 3);
    let before = builder.readback_of(0, &[(0, 10), (1, 11), (3, 12)]);
    builder.record(0, EventKind::Readback(before));
    builder.readback_committed((0, 4), &[(3, 12)]);
    assert!(builder.violated().is_empty());
}

#[test]
fn offsets_of_a_transaction_count_from_its_commit_on() {
    for (end, violated) in [(Some(true), &["lost-commit"][..]), (Some(false), &[][..]), (None, &[][..])] {
        let mut builder = HistoryBuilder::default();
        let mut commit = builder.commit_of(Some(5), Outcome::Done);
        commit.txn = Some(TxnId(1));
        builder.record(1, EventKind::CommittedOffset(commit));
        builder.fetch(None);
        if let Some(commit) = end {
            builder.ending(1, commit);
            builder.ended(1, commit, Outcome::Done);
        }
        builder.fetch(None);
        assert_eq!(builder.violated(), violated, "{end:?}");
    }
}

#[test]
fn an_offset_of_an_aborted_transaction_is_nobodys() {
    let mut builder = HistoryBuilder::default();
    let mut commit = builder.commit_of(Some(5), Outcome::Done);
    commit.txn = Some(TxnId(1));
    builder.record(1, EventKind::CommittedOffset(commit));
    builder.ending(1, false);
    builder.ended(1, false, Outcome::Done);
    builder.fetch(Some(5));
    assert_eq!(builder.violated(), ["lost-commit"]);
}

#[test]
fn interleaved_transactions_are_no_write_cycle() {
    let other = SendOptions { actor: 2, producer: Some(6), txn: Some(2), ..IN_TXN };
    let mut builder = HistoryBuilder::default();
    for (how, value, offset) in [(IN_TXN, 10, 0), (other, 11, 1), (IN_TXN, 12, 2), (other, 13, 3), (IN_TXN, 14, 4)] {
        builder.send_as(how, value, &[value]);
        builder.ack(value, offset);
    }
    for txn in [1, 2] {
        builder.ending(txn, true);
        builder.ended(txn, true, Outcome::Done);
    }
    builder.readback_committed((0, 7), &[(0, 10), (1, 11), (2, 12), (3, 13), (4, 14)]);
    assert!(builder.violated().is_empty());
}
