//! Readers agree, and each gets everything once, in order.

use alluvium_model::{Offset, Timestamp};

use super::history_builder::{HistoryBuilder, SendOptions, partition};
use crate::history::{EventKind, Outcome, Phase, ValueId};

/// Four records, in the log and read back by one agent.
fn four() -> HistoryBuilder {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10, 11, 12, 13]);
    builder.ack(1, 0);
    builder
}

const ALL: &[(i64, u64)] = &[(0, 10), (1, 11), (2, 12), (3, 13)];

#[test]
fn polls_that_go_on_where_the_last_one_ended_are_fine() {
    let mut builder = four();
    builder.position(2, 0);
    builder.poll(2, 0, &ALL[..1]);
    builder.poll(2, 1, &[]);
    builder.poll(2, 1, &ALL[1..]);
    builder.position(2, 1);
    builder.poll(2, 1, &ALL[1..2]);
    assert!(builder.violated().is_empty());
}

#[test]
fn a_poll_without_a_record_that_others_saw_is_a_skip() {
    let mut builder = four();
    builder.poll(3, 0, ALL);
    builder.poll(2, 0, &[ALL[0], ALL[3]]);
    assert_eq!(builder.violated(), ["poll-skip"]);
}

#[test]
fn going_on_too_far_is_a_skip_unless_the_consumer_was_positioned_there() {
    let mut builder = four();
    builder.poll(2, 0, &ALL[..1]);
    let mut positioned = builder.clone();
    builder.poll(2, 2, &ALL[2..]);
    assert_eq!(builder.violated(), ["poll-skip"]);
    positioned.position(2, 2);
    positioned.poll(2, 2, &ALL[2..]);
    assert!(positioned.violated().is_empty());
}

#[test]
fn a_first_poll_elsewhere_than_positioned_is_wrong() {
    let mut builder = four();
    builder.position(2, 0);
    builder.poll(2, 1, &ALL[1..]);
    assert_eq!(builder.violated(), ["poll-skip"]);
    let mut builder = four();
    builder.position(2, 2);
    builder.poll(2, 1, &ALL[1..]);
    assert_eq!(builder.violated(), ["nonmonotonic-poll"]);
}

#[test]
fn going_on_behind_deleted_records_is_no_skip() {
    let mut builder = four();
    builder.poll(3, 0, ALL);
    builder.poll(2, 0, &ALL[..1]);
    builder.trim(3);
    builder.poll(2, 3, &ALL[3..]);
    assert!(builder.violated().is_empty());
}

#[test]
fn a_deletion_of_unknown_end_excuses_and_a_refused_one_does_not() {
    for (outcome, violated) in [(Outcome::Unknown, &[][..]), (Outcome::Refused, &["poll-skip"][..])] {
        let mut builder = four();
        builder.poll(3, 0, ALL);
        let began = builder.next();
        let (before, log_start) = (Some(Offset(3)), None);
        let partition = partition(0);
        let delete = crate::history::Admin::RecordsDeleted { began, partition, before, outcome, log_start };
        builder.record(9, EventKind::Admin(delete));
        builder.poll(2, 0, &ALL[3..]);
        assert_eq!(builder.violated(), violated);
    }
}

#[test]
fn records_out_of_order_or_again_are_nonmonotonic() {
    let mut builder = four();
    builder.poll(2, 0, &[ALL[1], ALL[0], ALL[2]]);
    assert_eq!(builder.violated(), ["nonmonotonic-poll"]);
    let mut builder = four();
    builder.poll(2, 0, &[ALL[0], ALL[1], ALL[1]]);
    assert_eq!(builder.violated(), ["nonmonotonic-poll"]);
    let mut builder = four();
    builder.poll(2, 0, &ALL[..2]);
    builder.poll(2, 1, &ALL[1..]);
    assert_eq!(builder.violated(), ["nonmonotonic-poll"]);
}

#[test]
fn a_record_before_the_offset_asked_for_is_nonmonotonic() {
    let mut builder = four();
    builder.poll(2, 1, ALL);
    assert_eq!(builder.violated(), ["nonmonotonic-poll"]);
}

#[test]
fn a_consumer_of_another_life_begins_anew() {
    let mut builder = four();
    builder.poll(2, 0, &ALL[..3]);
    builder.poll(3, 0, &ALL[..2]);
    assert!(builder.violated().is_empty());
}

#[test]
fn two_values_at_one_offset_are_inconsistent() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.send_as(SendOptions { actor: 2, producer: Some(6), ..SendOptions::default() }, 2, &[11]);
    builder.poll(3, 0, &[(0, 10)]);
    builder.poll(4, 0, &[(0, 11)]);
    assert_eq!(builder.violated(), ["inconsistent-offset"]);
}

#[test]
fn two_timestamps_of_one_record_are_inconsistent() {
    let mut builder = four();
    builder.poll(3, 0, ALL);
    let mut poll = builder.poll_of(0, 4, ALL);
    poll.records[2].timestamp = Timestamp(8);
    builder.record(4, EventKind::Polled(poll));
    assert_eq!(builder.violated(), ["inconsistent-offset"]);
}

#[test]
fn agents_that_have_the_same_agree_before_and_after_compaction() {
    let mut builder = four();
    builder.readback(0, ALL);
    builder.readback(1, ALL);
    let mut back = builder.readback_of(0, ALL);
    back.phase = Phase::AfterCompaction;
    builder.record(0, EventKind::Readback(back));
    assert!(builder.violated().is_empty());
}

#[test]
fn an_agent_without_a_record_disagrees() {
    let mut builder = four();
    builder.readback(0, ALL);
    builder.readback(1, &[ALL[0], ALL[1], ALL[3]]);
    assert_eq!(builder.violated(), ["agents-disagree", "offset-gap", "torn-batch"]);
}

#[test]
fn a_compaction_that_changes_a_timestamp_is_seen() {
    let mut builder = four();
    builder.readback(0, ALL);
    let mut back = builder.readback_of(0, ALL);
    back.phase = Phase::AfterCompaction;
    back.records[1].timestamp = Timestamp(8);
    builder.record(0, EventKind::Readback(back));
    assert_eq!(builder.violated(), ["agents-disagree", "inconsistent-offset"]);
}

#[test]
fn the_end_does_not_go_back_but_may_grow_by_what_was_unknown() {
    let mut builder = four();
    builder.send(2, &[14]);
    let mut grown = builder.clone();
    grown.readback(0, ALL);
    grown.readback(1, &[ALL, &[(4, 14)]].concat());
    assert!(grown.violated().is_empty());
    builder.readback(0, &[ALL, &[(4, 14)]].concat());
    builder.readback(1, ALL);
    assert_eq!(builder.violated(), ["agents-disagree"]);
}

#[test]
fn a_record_beyond_the_end_that_the_answer_tells_is_wrong() {
    let mut builder = four();
    let mut poll = builder.poll_of(0, 4, ALL);
    poll.high_watermark = Offset(3);
    poll.stable = Offset(3);
    builder.record(2, EventKind::Polled(poll));
    assert_eq!(builder.violated(), ["read-beyond-end"]);
}

#[test]
fn a_stable_offset_beyond_the_end_is_wrong() {
    let mut builder = four();
    let mut poll = builder.poll_of(0, 4, ALL);
    poll.stable = Offset(5);
    builder.record(2, EventKind::Polled(poll));
    assert_eq!(builder.violated(), ["read-beyond-end"]);
}

#[test]
fn a_record_that_nobody_sent_is_invented() {
    let mut builder = four();
    builder.poll(2, 0, &[ALL, &[(4, 99)]].concat());
    builder.poll(3, 4, &[(4, 99)]);
    assert_eq!(builder.violated(), ["invented-record"]);
    let mut builder = four();
    builder.poll(2, 4, &[(4, ValueId::GARBLED.0)]);
    assert_eq!(builder.violated(), ["invented-record"]);
}

#[test]
fn a_record_in_another_partition_or_before_its_time_is_invented() {
    let mut builder = HistoryBuilder::default();
    builder.send_as(SendOptions { partition: 1, ..SendOptions::default() }, 1, &[10]);
    builder.poll(2, 0, &[(0, 10)]);
    assert_eq!(builder.violated(), ["invented-record"]);
    let mut builder = HistoryBuilder::default();
    builder.poll(2, 0, &[(0, 10)]);
    builder.send(1, &[10]);
    assert_eq!(builder.violated(), ["invented-record"]);
}

#[test]
fn what_was_refused_and_seen_is_an_aborted_read() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.fail(1);
    let mut unseen = builder.clone();
    builder.poll(2, 0, &[(0, 10)]);
    assert_eq!(builder.violated(), ["aborted-read"]);
    unseen.poll(2, 0, &[]);
    assert!(unseen.violated().is_empty());
}

#[test]
fn a_refusal_of_a_second_attempt_says_nothing_about_the_first() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.retry(1);
    builder.fail(1);
    builder.poll(2, 0, &[(0, 10)]);
    assert!(builder.violated().is_empty());
}
