//! What was written is there, once, whole, in order, at its offset.

use alluvium_model::Offset;

use super::story::{How, Story};
use crate::history::{Acked, Happening, Outcome, Retention, SendId};

/// Three records, acknowledged one after the other.
fn three() -> Story {
    let mut story = Story::default();
    story.wrote(10, 0);
    story.wrote(11, 1);
    story.wrote(12, 2);
    story
}

#[test]
fn acknowledged_records_that_are_read_back_are_fine() {
    let mut story = three();
    story.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    assert!(story.wrong().is_empty());
}

#[test]
fn an_acknowledged_record_that_is_not_read_back_is_a_lost_write() {
    let mut story = three();
    story.readback(0, &[(0, 10), (2, 12)]);
    assert_eq!(story.wrong(), ["lost-write", "offset-gap"]);
}

#[test]
fn a_record_that_was_seen_and_is_not_read_back_is_a_lost_write_even_if_never_acknowledged() {
    let mut story = Story::default();
    story.send(1, &[10]);
    story.poll(2, 0, &[(0, 10)]);
    let mut lost = story.clone();
    story.readback(0, &[(0, 10)]);
    assert!(story.wrong().is_empty());
    lost.readback(0, &[]);
    assert_eq!(lost.wrong(), ["lost-write"]);
}

#[test]
fn without_reading_back_what_a_poll_passed_over_and_nobody_saw_is_a_lost_write() {
    let mut story = three();
    story.poll(2, 0, &[(0, 10), (2, 12)]);
    assert_eq!(story.wrong(), ["lost-write"]);
}

#[test]
fn without_reading_back_what_no_poll_has_reached_is_fine() {
    let mut story = three();
    story.poll(2, 0, &[(0, 10), (1, 11)]);
    assert!(story.wrong().is_empty());
}

#[test]
fn an_acknowledged_record_beyond_the_end_of_all_last_reads_is_unseen() {
    let mut story = three();
    story.readback(0, &[(0, 10), (1, 11)]);
    assert_eq!(story.wrong(), ["unseen"]);
}

#[test]
fn what_was_sent_without_an_end_may_be_there_or_not() {
    let mut story = three();
    story.send(13, &[13]);
    let mut there = story.clone();
    story.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    assert!(story.wrong().is_empty());
    there.readback(0, &[(0, 10), (1, 11), (2, 12), (3, 13)]);
    assert!(there.wrong().is_empty());
}

#[test]
fn records_below_a_deletion_may_be_gone_and_others_may_not() {
    let mut story = three();
    story.trim(1);
    let mut back = story.readback_of(0, &[(1, 11), (2, 12)]);
    back.log_start = Offset(1);
    story.tell(0, Happening::Readback(back.clone()));
    assert!(story.wrong().is_empty());

    let mut too_much = three();
    too_much.trim(1);
    back.log_start = Offset(2);
    back.records.remove(0);
    too_much.tell(0, Happening::Readback(back));
    assert_eq!(too_much.wrong(), ["log-start-wrong", "lost-write"]);
}

#[test]
fn of_a_deleted_topic_nothing_need_be_there() {
    for outcome in [Outcome::Done, Outcome::Unknown] {
        let mut story = three();
        story.delete_topic(outcome);
        story.readback(0, &[]);
        assert!(story.wrong().is_empty());
    }
    let mut story = three();
    story.delete_topic(Outcome::Refused);
    story.readback(0, &[]);
    assert_eq!(story.wrong(), ["unseen"]);
}

#[test]
fn with_retention_the_log_start_may_move_and_without_it_may_not() {
    for (retention, wrong) in [(Retention::Size, &[][..]), (Retention::Forever, &["log-start-wrong", "lost-write"][..])]
    {
        let mut story = Story::default();
        story.topic(retention);
        story.wrote(10, 0);
        story.wrote(11, 1);
        let mut back = story.readback_of(0, &[(1, 11)]);
        back.log_start = Offset(1);
        story.tell(0, Happening::Readback(back));
        assert_eq!(story.wrong(), wrong);
    }
}

#[test]
fn a_log_start_below_a_confirmed_deletion_is_wrong() {
    let mut story = three();
    story.trim(2);
    story.readback(0, &[(0, 10), (1, 11), (2, 12)]);
    assert_eq!(story.wrong(), ["log-start-wrong"]);
}

#[test]
fn a_poll_may_be_told_an_old_log_start_but_not_one_that_nobody_asked_for() {
    let mut story = three();
    story.trim(1);
    story.poll(2, 1, &[(1, 11)]);
    assert!(story.wrong().is_empty());
    let mut poll = story.poll_of(2, 3, &[(2, 12)]);
    poll.log_start = Offset(2);
    story.tell(2, Happening::Polled(poll));
    assert_eq!(story.wrong(), ["log-start-wrong"]);
}

#[test]
fn a_record_below_the_log_start_is_wrong() {
    let mut story = three();
    story.trim(1);
    let mut back = story.readback_of(0, &[(0, 10), (1, 11), (2, 12)]);
    back.log_start = Offset(1);
    story.tell(0, Happening::Readback(back));
    assert_eq!(story.wrong(), ["log-start-wrong"]);
}

#[test]
fn an_acknowledged_record_at_another_offset_is_elsewhere() {
    let mut story = Story::default();
    story.wrote(10, 0);
    story.wrote(11, 5);
    story.readback(0, &[(0, 10), (1, 11)]);
    assert_eq!(story.wrong(), ["acked-elsewhere", "duplicate"]);
}

#[test]
fn another_record_where_an_acknowledged_one_should_be_is_wrong() {
    let mut story = three();
    story.send(13, &[13]);
    story.readback(0, &[(0, 10), (1, 13), (2, 12)]);
    assert_eq!(story.wrong(), ["acked-elsewhere", "lost-write", "nonmonotonic-send", "write-cycle"]);
}

#[test]
fn an_acknowledgement_without_an_offset_leaves_the_place_open() {
    let mut story = Story::default();
    story.wrote(10, 0);
    story.send(11, &[11]);
    story.tell(1, Happening::Acked(Acked { send: SendId(11), base: None }));
    story.readback(0, &[(0, 10), (1, 11)]);
    assert!(story.wrong().is_empty());
}

#[test]
fn two_acknowledgements_of_one_offset_overlap() {
    let mut story = Story::default();
    story.send(1, &[10, 11]);
    story.ack(1, 0);
    story.send(2, &[12]);
    story.ack(2, 1);
    assert_eq!(story.wrong(), ["offset-overlap"]);
}

#[test]
fn an_offset_without_a_record_is_a_gap() {
    let mut story = Story::default();
    story.wrote(10, 0);
    story.send(11, &[11]);
    story.readback(0, &[(0, 10), (2, 11)]);
    assert_eq!(story.wrong(), ["offset-gap"]);
}

#[test]
fn a_gap_before_the_end_counts_too() {
    let mut story = three();
    let mut back = story.readback_of(0, &[(0, 10), (1, 11), (2, 12)]);
    back.high_watermark = Offset(4);
    story.tell(0, Happening::Readback(back));
    assert_eq!(story.wrong(), ["offset-gap"]);
}

#[test]
fn a_record_twice_is_a_duplicate_even_if_its_idempotent_send_was_retried() {
    let mut story = Story::default();
    story.send(1, &[10]);
    story.retry(1);
    story.readback(0, &[(0, 10), (1, 10)]);
    assert_eq!(story.wrong(), ["duplicate"]);
}

#[test]
fn a_send_that_is_not_idempotent_may_be_there_as_often_as_it_went_out() {
    let mut story = Story::default();
    story.send_as(How { producer: None, ..How::default() }, 1, &[10]);
    story.retry(1);
    story.ack(1, 1);
    let mut thrice = story.clone();
    story.readback(0, &[(0, 10), (1, 10)]);
    assert!(story.wrong().is_empty());
    thrice.readback(0, &[(0, 10), (1, 10), (2, 10)]);
    assert_eq!(thrice.wrong(), ["duplicate"]);
}

#[test]
fn sends_of_one_connection_keep_their_order() {
    let plain = How { producer: None, ..How::default() };
    let mut story = Story::default();
    story.send_as(plain, 1, &[10]);
    story.send_as(plain, 2, &[11]);
    let mut other = Story::default();
    other.send_as(plain, 1, &[10]);
    other.send_as(How { connection: 2, ..plain }, 2, &[11]);
    for story in [&mut story, &mut other] {
        story.ack(2, 0);
        story.ack(1, 1);
    }
    assert_eq!(story.wrong(), ["nonmonotonic-send"]);
    assert!(other.wrong().is_empty(), "two connections have no order");
}

#[test]
fn sends_of_one_idempotent_producer_keep_their_order_over_connections_and_unknown_ends() {
    let mut story = Story::default();
    story.send(1, &[10]);
    story.send_as(How { connection: 2, ..How::default() }, 2, &[11]);
    let mut other = story.clone();
    story.readback(0, &[(0, 11), (1, 10)]);
    assert_eq!(story.wrong(), ["nonmonotonic-send"]);
    other.readback(0, &[(0, 10), (1, 11)]);
    assert!(other.wrong().is_empty());
}

#[test]
fn what_was_sent_after_an_acknowledgement_lies_behind_it() {
    let other = How { actor: 2, connection: 2, producer: Some(6), ..How::default() };
    let mut story = Story::default();
    story.send(1, &[10]);
    story.ack(1, 1);
    story.send_as(other, 2, &[11]);
    story.ack(2, 0);
    assert_eq!(story.wrong(), ["write-cycle"]);

    let mut concurrent = Story::default();
    concurrent.send(1, &[10]);
    concurrent.send_as(other, 2, &[11]);
    concurrent.ack(1, 1);
    concurrent.ack(2, 0);
    assert!(concurrent.wrong().is_empty());
}

#[test]
fn what_was_sent_after_a_record_was_seen_lies_behind_it() {
    let other = How { actor: 2, connection: 2, producer: Some(6), ..How::default() };
    let mut story = Story::default();
    story.send(1, &[10]);
    story.poll(3, 1, &[(1, 10)]);
    story.send_as(other, 2, &[11]);
    story.ack(2, 0);
    assert_eq!(story.wrong(), ["write-cycle"]);
}

#[test]
fn half_a_batch_is_torn_and_so_is_one_in_two_pieces() {
    let mut story = Story::default();
    story.send(1, &[10, 11]);
    let mut pieces = story.clone();
    story.readback(0, &[(0, 10)]);
    assert_eq!(story.wrong(), ["torn-batch"]);
    pieces.send_as(How { actor: 2, producer: Some(6), ..How::default() }, 2, &[12]);
    pieces.readback(0, &[(0, 10), (1, 12), (2, 11)]);
    assert_eq!(pieces.wrong(), ["torn-batch"]);
}

#[test]
fn a_batch_cut_by_a_deletion_is_whole() {
    let mut story = Story::default();
    story.send(1, &[10, 11, 12]);
    story.ack(1, 0);
    story.trim(2);
    let mut back = story.readback_of(0, &[(2, 12)]);
    back.log_start = Offset(2);
    story.tell(0, Happening::Readback(back));
    assert!(story.wrong().is_empty());
}
