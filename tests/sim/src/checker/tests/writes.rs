//! What was written is there, once, whole, in order, at its offset.

use alluvium_model::Offset;

use super::history_builder::{HistoryBuilder, SendOptions};
use crate::history::{Acked, EventKind, Outcome, Retention, SendId};

/// Three records, acknowledged one after the other.
fn three() -> HistoryBuilder {
    let mut builder = HistoryBuilder::default();
    builder.wrote(10, 0);
    builder.wrote(11, 1);
    builder.wrote(12, 2);
    builder
}

#[test]
fn acknowledged_records_that_are_read_back_are_fine() {
    let mut builder = three();
    builder.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    assert!(builder.violated().is_empty());
}

#[test]
fn an_acknowledged_record_that_is_not_read_back_is_a_lost_write() {
    let mut builder = three();
    builder.readback(0, &[(0, 10), (2, 12)]);
    assert_eq!(builder.violated(), ["lost-write", "offset-gap"]);
}

#[test]
fn a_record_that_was_seen_and_is_not_read_back_is_a_lost_write_even_if_never_acknowledged() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.poll(2, 0, &[(0, 10)]);
    let mut lost = builder.clone();
    builder.readback(0, &[(0, 10)]);
    assert!(builder.violated().is_empty());
    lost.readback(0, &[]);
    assert_eq!(lost.violated(), ["lost-write"]);
}

#[test]
fn without_reading_back_what_a_poll_passed_over_and_nobody_saw_is_a_lost_write() {
    let mut builder = three();
    builder.poll(2, 0, &[(0, 10), (2, 12)]);
    assert_eq!(builder.violated(), ["lost-write"]);
}

#[test]
fn without_reading_back_what_no_poll_has_reached_is_fine() {
    let mut builder = three();
    builder.poll(2, 0, &[(0, 10), (1, 11)]);
    assert!(builder.violated().is_empty());
}

#[test]
fn an_acknowledged_record_beyond_the_end_of_all_last_reads_is_unseen() {
    let mut builder = three();
    builder.readback(0, &[(0, 10), (1, 11)]);
    assert_eq!(builder.violated(), ["unseen"]);
}

#[test]
fn what_was_sent_without_an_end_may_be_there_or_not() {
    let mut builder = three();
    builder.send(13, &[13]);
    let mut there = builder.clone();
    builder.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    assert!(builder.violated().is_empty());
    there.readback(0, &[(0, 10), (1, 11), (2, 12), (3, 13)]);
    assert!(there.violated().is_empty());
}

#[test]
fn records_below_a_deletion_may_be_gone_and_others_may_not() {
    let mut builder = three();
    builder.trim(1);
    let mut back = builder.readback_of(0, &[(1, 11), (2, 12)]);
    back.log_start = Offset(1);
    builder.record(0, EventKind::Readback(back.clone()));
    assert!(builder.violated().is_empty());

    let mut too_much = three();
    too_much.trim(1);
    back.log_start = Offset(2);
    back.records.remove(0);
    too_much.record(0, EventKind::Readback(back));
    assert_eq!(too_much.violated(), ["log-start-wrong", "lost-write"]);
}

#[test]
fn of_a_deleted_topic_nothing_need_be_there() {
    for outcome in [Outcome::Done, Outcome::Unknown] {
        let mut builder = three();
        builder.delete_topic(outcome);
        builder.readback(0, &[]);
        assert!(builder.violated().is_empty());
    }
    let mut builder = three();
    builder.delete_topic(Outcome::Refused);
    builder.readback(0, &[]);
    assert_eq!(builder.violated(), ["unseen"]);
}

#[test]
fn with_retention_the_log_start_may_move_and_without_it_may_not() {
    for (retention, violated) in
        [(Retention::Size, &[][..]), (Retention::Forever, &["log-start-wrong", "lost-write"][..])]
    {
        let mut builder = HistoryBuilder::default();
        builder.topic(retention);
        builder.wrote(10, 0);
        builder.wrote(11, 1);
        let mut back = builder.readback_of(0, &[(1, 11)]);
        back.log_start = Offset(1);
        builder.record(0, EventKind::Readback(back));
        assert_eq!(builder.violated(), violated);
    }
}

#[test]
fn a_log_start_below_a_confirmed_deletion_is_wrong() {
    let mut builder = three();
    builder.trim(2);
    builder.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    assert_eq!(builder.violated(), ["log-start-wrong"]);
}

#[test]
fn a_poll_may_be_told_an_old_log_start_but_not_one_that_nobody_asked_for() {
    let mut builder = three();
    builder.trim(1);
    builder.poll(2, 1, &[(1, 11)]);
    assert!(builder.violated().is_empty());
    let mut poll = builder.poll_of(2, 3, &[(2, 12)]);
    poll.log_start = Offset(2);
    builder.record(2, EventKind::Polled(poll));
    assert_eq!(builder.violated(), ["log-start-wrong"]);
}

#[test]
fn a_record_below_the_log_start_is_wrong() {
    let mut builder = three();
    builder.trim(1);
    let mut back = builder.readback_of(0, &[(0, 10), (1, 11), (2, 12)]);
    back.log_start = Offset(1);
    builder.record(0, EventKind::Readback(back));
    assert_eq!(builder.violated(), ["log-start-wrong"]);
}

#[test]
fn an_acknowledged_record_at_another_offset_is_elsewhere() {
    let mut builder = HistoryBuilder::default();
    builder.wrote(10, 0);
    builder.wrote(11, 5);
    builder.readback(0, &[(0, 10), (1, 11)]);
    assert_eq!(builder.violated(), ["acked-elsewhere", "duplicate"]);
}

#[test]
fn another_record_where_an_acknowledged_one_should_be_is_wrong() {
    let mut builder = three();
    builder.send(13, &[13]);
    builder.readback(0, &[(0, 10), (1, 13), (2, 12)]);
    assert_eq!(builder.violated(), ["acked-elsewhere", "lost-write", "nonmonotonic-send", "write-cycle"]);
}

#[test]
fn an_acknowledgement_without_an_offset_leaves_the_place_open() {
    let mut builder = HistoryBuilder::default();
    builder.wrote(10, 0);
    builder.send(11, &[11]);
    builder.record(1, EventKind::Acked(Acked { send: SendId(11), base: None }));
    builder.readback(0, &[(0, 10), (1, 11)]);
    assert!(builder.violated().is_empty());
}

#[test]
fn two_acknowledgements_of_one_offset_overlap() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10, 11]);
    builder.ack(1, 0);
    builder.send(2, &[12]);
    builder.ack(2, 1);
    assert_eq!(builder.violated(), ["offset-overlap"]);
}

#[test]
fn an_offset_without_a_record_is_a_gap() {
    let mut builder = HistoryBuilder::default();
    builder.wrote(10, 0);
    builder.send(11, &[11]);
    builder.readback(0, &[(0, 10), (2, 11)]);
    assert_eq!(builder.violated(), ["offset-gap"]);
}

#[test]
fn a_gap_before_the_end_counts_too() {
    let mut builder = three();
    let mut back = builder.readback_of(0, &[(0, 10), (1, 11), (2, 12)]);
    back.high_watermark = Offset(4);
    builder.record(0, EventKind::Readback(back));
    assert_eq!(builder.violated(), ["offset-gap"]);
}

#[test]
fn a_record_twice_is_a_duplicate_even_if_its_idempotent_send_was_retried() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.retry(1);
    builder.readback(0, &[(0, 10), (1, 10)]);
    assert_eq!(builder.violated(), ["duplicate"]);
}

#[test]
fn a_send_that_is_not_idempotent_may_be_there_as_often_as_it_went_out() {
    let mut builder = HistoryBuilder::default();
    builder.send_as(SendOptions { producer: None, ..SendOptions::default() }, 1, &[10]);
    builder.retry(1);
    builder.ack(1, 1);
    let mut thrice = builder.clone();
    builder.readback(0, &[(0, 10), (1, 10)]);
    assert!(builder.violated().is_empty());
    thrice.readback(0, &[(0, 10), (1, 10), (2, 10)]);
    assert_eq!(thrice.violated(), ["duplicate"]);
}

#[test]
fn sends_of_one_connection_keep_their_order() {
    let plain = SendOptions { producer: None, ..SendOptions::default() };
    let mut builder = HistoryBuilder::default();
    builder.send_as(plain, 1, &[10]);
    builder.send_as(plain, 2, &[11]);
    let mut other = HistoryBuilder::default();
    other.send_as(plain, 1, &[10]);
    other.send_as(SendOptions { connection: 2, ..plain }, 2, &[11]);
    for builder in [&mut builder, &mut other] {
        builder.ack(2, 0);
        builder.ack(1, 1);
    }
    assert_eq!(builder.violated(), ["nonmonotonic-send"]);
    assert!(other.violated().is_empty(), "two connections have no order");
}

#[test]
fn sends_of_one_idempotent_producer_keep_their_order_over_connections_and_unknown_ends() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.send_as(SendOptions { connection: 2, ..SendOptions::default() }, 2, &[11]);
    let mut other = builder.clone();
    builder.readback(0, &[(0, 11), (1, 10)]);
    assert_eq!(builder.violated(), ["nonmonotonic-send"]);
    other.readback(0, &[(0, 10), (1, 11)]);
    assert!(other.violated().is_empty());
}

#[test]
fn what_was_sent_after_an_acknowledgement_lies_behind_it() {
    let other = SendOptions { actor: 2, connection: 2, producer: Some(6), ..SendOptions::default() };
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.ack(1, 1);
    builder.send_as(other, 2, &[11]);
    builder.ack(2, 0);
    assert_eq!(builder.violated(), ["write-cycle"]);

    let mut concurrent = HistoryBuilder::default();
    concurrent.send(1, &[10]);
    concurrent.send_as(other, 2, &[11]);
    concurrent.ack(1, 1);
    concurrent.ack(2, 0);
    assert!(concurrent.violated().is_empty());
}

#[test]
fn what_was_sent_after_a_record_was_seen_lies_behind_it() {
    let other = SendOptions { actor: 2, connection: 2, producer: Some(6), ..SendOptions::default() };
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10]);
    builder.poll(3, 1, &[(1, 10)]);
    builder.send_as(other, 2, &[11]);
    builder.ack(2, 0);
    assert_eq!(builder.violated(), ["write-cycle"]);
}

#[test]
fn half_a_batch_is_torn_and_so_is_one_in_two_pieces() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10, 11]);
    let mut pieces = builder.clone();
    builder.readback(0, &[(0, 10)]);
    assert_eq!(builder.violated(), ["torn-batch"]);
    pieces.send_as(SendOptions { actor: 2, producer: Some(6), ..SendOptions::default() }, 2, &[12]);
    pieces.readback(0, &[(0, 10), (1, 12), (2, 11)]);
    assert_eq!(pieces.violated(), ["torn-batch"]);
}

#[test]
fn a_batch_cut_by_a_deletion_is_whole() {
    let mut builder = HistoryBuilder::default();
    builder.send(1, &[10, 11, 12]);
    builder.ack(1, 0);
    builder.trim(2);
    let mut back = builder.readback_of(0, &[(2, 12)]);
    back.log_start = Offset(2);
    builder.record(0, EventKind::Readback(back));
    assert!(builder.violated().is_empty());
}
