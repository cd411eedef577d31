//! Transactions, as the design has them: read-committed readers see whole ones that were committed, and nothing else.

use alluvium_model::{Offset, ProducerId};

use super::story::{How, Story};
use crate::history::{Happening, Marker, Outcome, TxnId};

const IN_TXN: How = How { actor: 1, partition: 0, connection: 1, producer: Some(5), txn: Some(1) };

/// Two records of one transaction, its commit asked for or not, a marker at 2.
fn begun() -> Story {
    let mut story = Story::default();
    for (value, offset) in [(10, 0), (11, 1)] {
        story.send_as(IN_TXN, value, &[value]);
        story.ack(value, offset);
    }
    story
}

fn committed(outcome: Outcome) -> Story {
    let mut story = begun();
    story.ending(1, true);
    story.ended(1, true, outcome);
    story
}

fn aborted() -> Story {
    let mut story = begun();
    story.ending(1, false);
    story.ended(1, false, Outcome::Done);
    story
}

const BOTH: &[(i64, u64)] = &[(0, 10), (1, 11)];

#[test]
fn a_committed_transaction_is_read_behind_its_commit() {
    for outcome in [Outcome::Done, Outcome::Unknown] {
        let mut story = committed(outcome);
        story.poll_committed(2, (0, 3), BOTH);
        story.readback_committed((0, 3), BOTH);
        assert!(story.wrong().is_empty());
    }
}

#[test]
fn a_poll_that_was_answered_before_the_commit_was_asked_for_is_precommitted() {
    let mut story = begun();
    story.poll_committed(2, (0, 2), BOTH);
    let open = story.clone();
    assert_eq!(open.wrong(), ["precommitted-read"], "still open");
    story.ending(1, true);
    story.ended(1, true, Outcome::Done);
    assert_eq!(story.wrong(), ["precommitted-read"]);
}

#[test]
fn readers_of_everything_see_open_transactions() {
    let mut story = begun();
    story.poll(2, 0, BOTH);
    assert!(story.wrong().is_empty());
}

#[test]
fn an_aborted_transaction_is_not_for_read_committed_readers() {
    let mut story = aborted();
    let mut right = story.clone();
    story.poll_committed(2, (0, 3), &BOTH[..1]);
    assert_eq!(story.wrong(), ["aborted-read"]);
    right.poll(3, 0, BOTH);
    right.poll_committed(2, (0, 3), &[]);
    right.readback_committed((0, 3), &[]);
    assert!(right.wrong().is_empty(), "passing over what was aborted is no skip, no loss and no gap");
}

#[test]
fn a_refused_commit_aborts() {
    let mut story = committed(Outcome::Refused);
    story.readback_committed((0, 3), &[]);
    assert!(story.wrong().is_empty());
}

#[test]
fn a_poll_without_a_committed_record_is_a_skip() {
    let mut story = committed(Outcome::Done);
    story.poll_committed(3, (0, 3), BOTH);
    story.poll_committed(2, (0, 3), &BOTH[1..]);
    assert_eq!(story.wrong(), ["poll-skip"]);
}

#[test]
fn half_a_transaction_is_torn() {
    let mut story = committed(Outcome::Unknown);
    let mut none = story.clone();
    story.readback_committed((0, 3), &BOTH[..1]);
    assert_eq!(story.wrong(), ["lost-write", "offset-gap", "torn-transaction"]);
    none.readback_committed((0, 3), &[]);
    assert!(none.wrong().is_empty(), "a commit of unknown end may not have happened");
}

#[test]
fn markers_take_an_offset_and_are_no_gap() {
    let mut story = committed(Outcome::Done);
    let mut back = story.readback_of(0, BOTH);
    back.high_watermark = Offset(3);
    back.markers = vec![Marker { offset: Offset(2), producer: ProducerId(5), commit: true }];
    story.tell(0, Happening::Readback(back.clone()));
    assert!(story.wrong().is_empty());
    back.high_watermark = Offset(5);
    story.tell(0, Happening::Readback(back));
    assert_eq!(story.wrong(), ["offset-gap"], "one transaction leaves one marker");
}

#[test]
fn what_compaction_drops_of_an_aborted_transaction_is_no_difference() {
    let mut story = aborted();
    story.send_as(How { actor: 2, producer: Some(6), txn: None, ..IN_TXN }, 12, &[12]);
    story.ack(12, 3);
    let before = story.readback_of(0, &[(0, 10), (1, 11), (3, 12)]);
    story.tell(0, Happening::Readback(before));
    story.readback_committed((0, 4), &[(3, 12)]);
    assert!(story.wrong().is_empty());
}

#[test]
fn offsets_of_a_transaction_count_from_its_commit_on() {
    for (end, wrong) in [(Some(true), &["lost-commit"][..]), (Some(false), &[][..]), (None, &[][..])] {
        let mut story = Story::default();
        let mut commit = story.commit_of(Some(5), Outcome::Done);
        commit.txn = Some(TxnId(1));
        story.tell(1, Happening::CommittedOffset(commit));
        story.fetch(None);
        if let Some(commit) = end {
            story.ending(1, commit);
            story.ended(1, commit, Outcome::Done);
        }
        story.fetch(None);
        assert_eq!(story.wrong(), wrong, "{end:?}");
    }
}

#[test]
fn an_offset_of_an_aborted_transaction_is_nobodys() {
    let mut story = Story::default();
    let mut commit = story.commit_of(Some(5), Outcome::Done);
    commit.txn = Some(TxnId(1));
    story.tell(1, Happening::CommittedOffset(commit));
    story.ending(1, false);
    story.ended(1, false, Outcome::Done);
    story.fetch(Some(5));
    assert_eq!(story.wrong(), ["lost-commit"]);
}

#[test]
fn interleaved_transactions_are_no_write_cycle() {
    let other = How { actor: 2, producer: Some(6), txn: Some(2), ..IN_TXN };
    let mut story = Story::default();
    for (how, value, offset) in [(IN_TXN, 10, 0), (other, 11, 1), (IN_TXN, 12, 2), (other, 13, 3), (IN_TXN, 14, 4)] {
        story.send_as(how, value, &[value]);
        story.ack(value, offset);
    }
    for txn in [1, 2] {
        story.ending(txn, true);
        story.ended(txn, true, Outcome::Done);
    }
    story.readback_committed((0, 7), &[(0, 10), (1, 11), (2, 12), (3, 13), (4, 14)]);
    assert!(story.wrong().is_empty());
}
