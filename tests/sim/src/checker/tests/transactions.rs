//! Transactions: read-committed readers see whole ones that were committed, and nothing else.

use std::time::Duration;

use alluvium_model::{Offset, ProducerEpoch, ProducerId};

use super::history_builder::{HistoryBuilder, SendOptions};
use crate::history::{
    AgentAddress, CommitOffset, EventKind, Marker, OpenTxn, Outcome, Phase, TxnBegun, TxnId, TxnInit,
};

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
    assert_eq!(builder.violated(), ["poll-skip", "reads-disagree-about-aborted"]);
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
    (back.high_watermark, back.stable) = (Offset(3), Offset(3));
    back.markers = vec![Marker { offset: Offset(2), producer: ProducerId(5), commit: true }];
    builder.record(0, EventKind::Readback(back.clone()));
    assert!(builder.violated().is_empty());
    (back.high_watermark, back.stable) = (Offset(5), Offset(5));
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

#[test]
fn a_refused_commit_that_is_read_nevertheless_is_found() {
    let mut builder = committed(Outcome::Refused);
    builder.poll_committed(2, (0, 3), BOTH);
    assert_eq!(builder.violated(), ["aborted-read"]);
}

/// Another producer takes over, and is given the epoch after that of [`IN_TXN`].
fn fence(builder: &mut HistoryBuilder) {
    let (began, producer) = (builder.next(), (ProducerId(5), ProducerEpoch(1)));
    builder.record(3, EventKind::TxnInit(TxnInit { began, id: "t".to_owned(), producer }));
}

#[test]
fn a_batch_of_a_fenced_producer_is_a_zombies() {
    let mut before = begun();
    fence(&mut before);
    assert!(before.violated().is_empty(), "it was written before the other took over");
    let mut builder = HistoryBuilder::default();
    fence(&mut builder);
    builder.send_as(IN_TXN, 10, &[10]);
    assert!(builder.violated().is_empty(), "it was sent, and has no effect");
    let mut read = builder.clone();
    builder.ack(10, 0);
    assert_eq!(builder.violated(), ["zombie-write"]);
    read.poll(2, 0, &[(0, 10)]);
    assert_eq!(read.violated(), ["zombie-write"], "not acknowledged, and there nevertheless");
}

#[test]
fn a_commit_of_a_fenced_producer_is_a_zombies() {
    let mut builder = begun();
    fence(&mut builder);
    builder.ending(1, true);
    let mut refused = builder.clone();
    builder.ended(1, true, Outcome::Done);
    assert_eq!(builder.violated(), ["zombie-write"]);
    refused.ended(1, true, Outcome::Refused);
    assert!(refused.violated().is_empty());
}

#[test]
fn an_offset_of_a_fenced_producer_is_a_zombies() {
    let mut builder = HistoryBuilder::default();
    let producer = (ProducerId(5), ProducerEpoch(0));
    builder.record(1, EventKind::TxnBegun(TxnBegun { txn: TxnId(1), id: "t".to_owned(), producer }));
    fence(&mut builder);
    let offset = CommitOffset { txn: Some(TxnId(1)), ..builder.commit_of(Some(5), Outcome::Done) };
    builder.record(1, EventKind::CommittedOffset(offset));
    assert_eq!(builder.violated(), ["zombie-write"]);
}

#[test]
fn a_read_after_a_commit_has_it() {
    let mut builder = committed(Outcome::Done);
    let mut back = builder.readback_of(0, &[]);
    back.isolation = crate::history::Isolation::ReadCommitted;
    (back.high_watermark, back.stable) = (Offset(3), Offset(0));
    builder.record(0, EventKind::Readback(back));
    let violated = builder.violated();
    assert!(violated.contains(&"unseen-after-end") && violated.contains(&"hanging-transaction"), "{violated:?}");
}

#[test]
fn a_transaction_that_is_overdue_hangs() {
    let mut builder = HistoryBuilder::default();
    let (producer, overdue) = ((ProducerId(5), ProducerEpoch(0)), Duration::from_secs(60));
    builder.record(0, EventKind::OpenTxn(OpenTxn { id: "t".to_owned(), producer, overdue }));
    assert_eq!(builder.violated(), ["hanging-transaction"]);
}

#[test]
fn a_stable_offset_goes_back_only_if_the_same_agent_had_answered_before() {
    let poll = |builder: &mut HistoryBuilder, agent, stable, began| {
        let mut poll = builder.poll_of(0, 0, &[]);
        (poll.agent, poll.stable, poll.high_watermark) = (AgentAddress::from(agent), Offset(stable), Offset(9));
        poll.began = began;
        builder.record(2, EventKind::Polled(poll));
    };
    let mut builder = begun();
    let early = builder.next();
    poll(&mut builder, "one", 7, early);
    let late = builder.next();
    poll(&mut builder, "two", 5, late);
    poll(&mut builder, "one", 6, early);
    assert!(builder.violated().is_empty(), "another agent, and an answer that was on its way");
    let late = builder.next();
    poll(&mut builder, "one", 6, late);
    assert_eq!(builder.violated(), ["stable-offset-goes-back"]);
}

#[test]
fn readers_that_disagree_about_a_transaction_of_unknown_end_are_found() {
    let mut builder = committed(Outcome::Unknown);
    builder.poll_committed(2, (0, 3), &[]);
    assert!(builder.violated().is_empty());
    builder.poll_committed(3, (0, 3), BOTH);
    assert_eq!(builder.violated(), ["poll-skip", "reads-disagree-about-aborted"]);
}

/// A transaction of a loop that has consumed a range, and its end.
fn consume(builder: &mut HistoryBuilder, txn: u64, (from, to): (i64, i64), end: Option<(bool, Outcome)>) {
    let offset = CommitOffset {
        txn: Some(TxnId(txn)),
        consumed_from: Some(Offset(from)),
        ..builder.commit_of(Some(to), Outcome::Done)
    };
    builder.record(1, EventKind::CommittedOffset(offset));
    if let Some((commit, outcome)) = end {
        builder.ending(txn, commit);
        builder.ended(txn, commit, outcome);
    }
}

const DONE: Option<(bool, Outcome)> = Some((true, Outcome::Done));

#[test]
fn records_are_consumed_by_one_committed_transaction() {
    for (second, end, violated) in [
        ((2, 4), DONE, &[][..]),
        ((1, 4), DONE, &["lost-offset-commit"][..]),
        ((0, 2), Some((true, Outcome::Unknown)), &[][..]),
        ((0, 2), Some((false, Outcome::Done)), &[][..]),
        ((0, 2), None, &[][..]),
    ] {
        let mut builder = HistoryBuilder::default();
        (0..4).for_each(|number| builder.wrote(100 + number, i64::try_from(number).unwrap()));
        consume(&mut builder, 1, (0, 2), DONE);
        consume(&mut builder, 2, second, end);
        assert_eq!(builder.violated(), violated, "{second:?} {end:?}");
    }
}

#[test]
fn no_record_is_left_out_between_two_transactions_of_a_loop() {
    for (first, violated) in
        [(DONE, &["doubled-offset-commit"][..]), (Some((false, Outcome::Done)), &["doubled-offset-commit"][..])]
    {
        let mut builder = HistoryBuilder::default();
        (0..4).for_each(|number| builder.wrote(100 + number, i64::try_from(number).unwrap()));
        consume(&mut builder, 1, (0, 2), first);
        let mut trimmed = builder.clone();
        consume(&mut builder, 2, (3, 4), DONE);
        assert_eq!(builder.violated(), violated, "{first:?}");
        trimmed.trim(3);
        consume(&mut trimmed, 2, (3, 4), DONE);
        assert!(trimmed.violated().is_empty(), "the records between were deleted");
    }
}

#[test]
fn a_history_file_with_an_aborted_record_is_found_and_may_end_before_the_log() {
    let mut builder = aborted();
    builder.wrote(12, 3);
    builder.readback_committed((0, 4), &[(3, 12)]);
    let file = |builder: &HistoryBuilder, records: &[(i64, u64)]| {
        let mut back = builder.readback_of(-1, records);
        (back.phase, back.isolation) = (Phase::Files, crate::history::Isolation::ReadCommitted);
        (back.high_watermark, back.stable) = (Offset(3), Offset(3));
        EventKind::Readback(back)
    };
    let mut right = builder.clone();
    right.record(0, file(&right, &[]));
    assert!(right.violated().is_empty());
    builder.record(0, file(&builder, &BOTH[..1]));
    assert_eq!(builder.violated()[0], "aborted-read");
}
