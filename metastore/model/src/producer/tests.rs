use std::time::Duration;

use super::{ProducerBatch, SequenceCheck, SequenceError, Window};
use crate::{Offset, ProducerEpoch, ProducerId, Sequence, Timestamp};

fn batch(epoch: i16, first: i32, last: i32) -> ProducerBatch {
    ProducerBatch { id: ProducerId(1), epoch: ProducerEpoch(epoch), first: Sequence(first), last: Sequence(last) }
}

/// The window after these batches of (epoch, first, last), at offsets 100, 200 ... with timestamps 1, 2 ...
fn window(batches: &[(i16, i32, i32)]) -> Window {
    let mut window = None;
    for (n, (epoch, first, last)) in (1i64..).zip(batches) {
        let batch = batch(*epoch, *first, *last);
        let records = u32::try_from(batch.span()).unwrap();
        window = Some(Window::appended(window, &batch, records, Offset(n * 100), Timestamp(n), Timestamp(n)));
    }
    window.unwrap()
}

fn out_of_order(expected: i32, found: i32) -> SequenceCheck {
    SequenceCheck::Reject(SequenceError::OutOfOrder { expected: Sequence(expected), found: Sequence(found) })
}

#[test]
fn the_next_batch_is_appended() {
    assert_eq!(window(&[(0, 0, 4)]).check(&batch(0, 5, 9)), SequenceCheck::Append);
}

#[test]
fn a_repetition_of_any_of_the_last_five_batches_gets_its_first_offset_and_timestamp() {
    let window = window(&[(0, 0, 9), (0, 10, 10), (0, 11, 20), (0, 21, 21), (0, 22, 22), (0, 23, 23)]);
    for (n, (first, last)) in (2i64..).zip([(10, 10), (11, 20), (21, 21), (22, 22), (23, 23)]) {
        let duplicate = SequenceCheck::Duplicate { base: Offset(n * 100), timestamp: Timestamp(n) };
        assert_eq!(window.check(&batch(0, first, last)), duplicate);
    }
}

#[test]
fn a_repetition_of_an_older_batch_is_a_duplicate_without_an_offset() {
    let window = window(&[(0, 0, 9), (0, 10, 10), (0, 11, 20), (0, 21, 21), (0, 22, 22), (0, 23, 23)]);
    assert_eq!(window.check(&batch(0, 0, 9)), SequenceCheck::Reject(SequenceError::Duplicate));
}

#[test]
fn a_skipped_sequence_is_out_of_order() {
    assert_eq!(window(&[(0, 0, 4)]).check(&batch(0, 6, 6)), out_of_order(5, 6));
}

#[test]
fn a_batch_whose_records_are_not_all_in_the_log_is_never_called_a_duplicate() {
    // The producer began at 100: what precedes was never appended, nor what reaches past the end.
    let window = window(&[(0, 100, 109)]);
    assert_eq!(window.check(&batch(0, 90, 99)), out_of_order(110, 90));
    assert_eq!(window.check(&batch(0, 95, 104)), out_of_order(110, 95));
    assert_eq!(window.check(&batch(0, 105, 114)), out_of_order(110, 105));
    assert_eq!(window.check(&batch(0, 101, 109)), SequenceCheck::Reject(SequenceError::Duplicate));
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
    let known = window(&[(3, 0, 4)]);
    assert_eq!(known.check(&batch(4, 0, 0)), SequenceCheck::Append);
    assert_eq!(known.check(&batch(4, 5, 5)), out_of_order(0, 5));
    assert_eq!(
        known.check(&batch(2, 5, 5)),
        SequenceCheck::Reject(SequenceError::Fenced { current: ProducerEpoch(3) })
    );
    let renewed = window(&[(3, 0, 4), (4, 0, 1)]);
    assert_eq!(renewed.check(&batch(4, 2, 2)), SequenceCheck::Append);
    assert_eq!(renewed.batches.len(), 1);
}

#[test]
fn sequences_wrap_from_the_largest_to_zero() {
    let max = i32::MAX;
    assert_eq!(window(&[(0, max - 1, max)]).check(&batch(0, 0, 3)), SequenceCheck::Append);
    let wrapped = window(&[(0, max - 1, 1)]);
    assert_eq!(wrapped.check(&batch(0, 2, 2)), SequenceCheck::Append);
    assert_eq!(
        wrapped.check(&batch(0, max - 1, 1)),
        SequenceCheck::Duplicate { base: Offset(100), timestamp: Timestamp(1) }
    );
    assert_eq!(wrapped.check(&batch(0, max, 0)), SequenceCheck::Reject(SequenceError::Duplicate));
    assert_eq!(wrapped.check(&batch(0, max - 2, 0)), out_of_order(2, max - 2));
}

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(Sequence(5).plus(4), Sequence(9));
    assert_eq!(Sequence(i32::MAX).plus(0), Sequence(i32::MAX));
    assert_eq!(Sequence(i32::MAX).plus(1), Sequence(0));
    assert_eq!(Sequence(i32::MAX - 1).plus(4), Sequence(2));
}

#[test]
fn a_sequence_is_before_those_that_follow_it_around_the_wrap() {
    for (earlier, later) in [(0, 1), (5, 900), (i32::MAX, 0), (i32::MAX - 3, 7)] {
        assert!(Sequence(earlier).is_before(Sequence(later)));
        assert!(!Sequence(later).is_before(Sequence(earlier)));
    }
    assert!(!Sequence(3).is_before(Sequence(3)));
}

#[test]
fn numbers_that_no_client_sends_are_judged_without_overflow() {
    for epoch in [i16::MIN, 0, i16::MAX] {
        for (first, last) in [(i32::MIN, i32::MAX), (-1, -1), (i32::MAX, i32::MIN)] {
            let _ = window(&[(0, 0, 4)]).check(&batch(epoch, first, last));
        }
    }
}

#[test]
fn an_idle_producer_expires() {
    let window = window(&[(0, 0, 4)]);
    assert!(!window.is_expired(Timestamp(1_001), Duration::from_secs(1)));
    assert!(window.is_expired(Timestamp(1_002), Duration::from_secs(1)));
}

/// A time of which a second has passed by 1 ms.
const NOW: Timestamp = Timestamp(1_790_000_000_001);
const EXPIRY: Duration = Duration::from_secs(3_600);

#[test]
fn an_id_carries_the_second_of_its_allocation() {
    let first = ProducerId::first_at(NOW);
    assert_eq!(first, ProducerId(1_790_000_000 << 30));
    assert_eq!(first.allocated(), Some(Timestamp(1_790_000_000_000)));
    assert_eq!(ProducerId(first.0 + 1_000).allocated(), first.allocated());
    assert!(ProducerId::first_at(NOW.plus_ms(999)) > first);
    for of_others in [0, 1, 4_000, (1 << 30) - 1, -1, i64::MIN] {
        assert_eq!(ProducerId(of_others).allocated(), None);
    }
    for time in [i64::MIN, -1, i64::MAX] {
        assert!(ProducerId::first_at(Timestamp(time)).0 >= 0);
    }
}

#[test]
fn an_id_is_fresh_until_a_window_of_it_can_have_expired() {
    let id = ProducerId::first_at(NOW);
    let allocated = id.allocated().unwrap();
    assert!(id.is_fresh(NOW, EXPIRY));
    assert!(id.is_fresh(NOW.minus(Duration::from_secs(60)), EXPIRY), "another agent's clock is behind");
    assert!(id.is_fresh(allocated.plus(EXPIRY).plus_ms(-1), EXPIRY));
    assert!(!id.is_fresh(allocated.plus(EXPIRY), EXPIRY));
    assert!(!id.is_fresh(allocated.minus(EXPIRY), EXPIRY), "a clock is wrong by more than the expiry");
    assert!(!ProducerId(4_000).is_fresh(NOW, EXPIRY));
    assert!(!ProducerId(4_000).is_fresh(Timestamp(0), EXPIRY));
}

#[test]
fn without_a_window_a_new_producer_begins_at_zero_and_any_other_anywhere() {
    let of = |id, first| ProducerBatch { id, ..batch(0, first, first) };
    let (new, old) = (ProducerId::first_at(NOW), ProducerId::first_at(NOW.minus(EXPIRY)));
    let check = |id, first| SequenceCheck::without_window(&of(id, first), Timestamp(0), NOW, EXPIRY);
    assert_eq!(check(new, 0), SequenceCheck::Append);
    assert_eq!(check(new, 3), SequenceCheck::Reject(SequenceError::FirstMissing { found: Sequence(3) }));
    assert_eq!(check(old, 3), SequenceCheck::Append);
    assert_eq!(check(ProducerId(7), 3), SequenceCheck::Append);
}

#[test]
fn a_producer_may_count_on_in_a_partition_that_is_younger_than_its_id() {
    let early = ProducerBatch { id: ProducerId::first_at(NOW), ..batch(0, 3, 3) };
    let check = |created| SequenceCheck::without_window(&early, created, NOW.plus_ms(5_000), EXPIRY);
    assert_eq!(check(NOW.plus_ms(2_000)), SequenceCheck::Append, "the topic was created again");
    assert_eq!(check(NOW), SequenceCheck::Reject(SequenceError::FirstMissing { found: Sequence(3) }));
}
