//! Each rule of the requests by itself.

use super::*;
use crate::limits::TRANSACTION_MEMBERS_MAX;
use crate::transaction::{abort, end, expire, init, joined, may_write};

fn state(status: Status) -> Transaction {
    Transaction {
        producer: producer(7, 3),
        previous: None,
        status,
        members: 0,
        timeout: TIMEOUT,
        updated: Timestamp(0),
    }
}

const ONGOING: Status = Status::Ongoing { since: Timestamp(1_000) };

fn start(
    state: Option<&Transaction>,
    expected: Option<TransactionalProducer>,
) -> Result<InitOutcome, TransactionError> {
    init(state, Init { expected, timeout: TIMEOUT }, FRESH, Timestamp(5_000))
}

fn ask(state: &Transaction, by: TransactionalProducer, verdict: Verdict, version: TransactionVersion) -> End {
    let _ = state;
    End { producer: by, verdict, version }
}

/// The producer after an end, and whether something was ended.
fn ended(
    state: &Transaction,
    by: TransactionalProducer,
    verdict: Verdict,
    version: TransactionVersion,
) -> Result<(TransactionalProducer, bool), TransactionError> {
    let outcome = end(Some(state), ask(state, by, verdict, version), FRESH, Timestamp(5_000))?;
    Ok((outcome.transaction.producer, outcome.ends))
}

#[test]
fn a_new_id_gets_a_fresh_producer() {
    let outcome = start(None, None).unwrap();
    assert_eq!((outcome.transaction.producer, outcome.aborts), (producer(900, 0), false));
    assert_eq!(start(None, Some(producer(1, 4))).unwrap().transaction.producer, producer(900, 0), "its id had expired");
}

#[test]
fn whoever_takes_an_id_over_gets_the_next_epoch_and_aborts_what_is_open() {
    let outcome = start(Some(&state(ONGOING)), None).unwrap();
    assert_eq!((outcome.transaction.producer, outcome.aborts), (producer(7, 4), true));
    assert_eq!(outcome.transaction.status, Status::Empty);
    assert!(!start(Some(&state(Status::Empty)), None).unwrap().aborts);
    let fenced = Err(TransactionError::Fenced { current: producer(7, 4) });
    assert_eq!(may_write(Some(&outcome.transaction), producer(7, 3)).copied(), fenced);
}

#[test]
fn a_producer_that_goes_on_after_an_error_gets_the_next_epoch_once() {
    let known = state(Status::Ended(Verdict::Abort));
    let first = start(Some(&known), Some(known.producer)).unwrap().transaction;
    assert_eq!(first.producer, producer(7, 4));
    assert_eq!(start(Some(&first), Some(known.producer)).unwrap().transaction.producer, producer(7, 4), "asked again");
    // Another incarnation takes the id over: now the first one is fenced for good.
    let other = start(Some(&first), None).unwrap().transaction;
    let fenced = Err(TransactionError::Fenced { current: producer(7, 5) });
    assert_eq!(start(Some(&other), Some(known.producer)).map(|_| ()), fenced);
    assert_eq!(start(Some(&other), Some(first.producer)).map(|_| ()), fenced);
}

#[test]
fn an_exhausted_epoch_is_followed_by_another_producer_id() {
    let last = Transaction { producer: producer(7, i16::MAX - 1), ..state(ONGOING) };
    assert_eq!(start(Some(&last), None).unwrap().transaction.producer, producer(900, 0));
    let (next, _) = ended(&last, last.producer, Verdict::Commit, TransactionVersion::V2).unwrap();
    assert_eq!(next, producer(900, 0));
    let (next, _) = ended(&last, last.producer, Verdict::Commit, TransactionVersion::V1).unwrap();
    assert_eq!(next, last.producer, "version 1 keeps the epoch");
}

#[test]
fn a_transaction_begins_with_what_is_added_first() {
    let by = producer(7, 3);
    let begun = joined(Some(&state(Status::Empty)), by, 1, Timestamp(9_000)).unwrap();
    assert_eq!(begun.status, Status::Ongoing { since: Timestamp(9_000) });
    assert_eq!(begun.deadline(), Some(Timestamp(69_000)));
    assert_eq!(joined(Some(&begun), by, 2, Timestamp(9_500)).unwrap(), Transaction { members: 3, ..begun });
    let members = TRANSACTION_MEMBERS_MAX;
    assert_eq!(joined(Some(&begun), by, members, Timestamp(0)), Err(TransactionError::TooLarge { members: 1 }));
    assert_eq!(joined(None, by, 1, Timestamp(0)), Err(TransactionError::UnknownProducer));
    assert_eq!(joined(Some(&begun), producer(8, 3), 1, Timestamp(0)), Err(TransactionError::UnknownProducer));
}

#[test]
fn an_end_is_repeated_with_the_same_answer_and_never_with_another_verdict() {
    use TransactionVersion::{V1, V2};
    use Verdict::{Abort, Commit};
    let by = producer(7, 3);
    for (verdict, other) in [(Commit, Abort), (Abort, Commit)] {
        let one = end(Some(&state(ONGOING)), ask(&state(ONGOING), by, verdict, V1), FRESH, Timestamp(0)).unwrap();
        assert!(one.ends);
        assert_eq!(ended(&one.transaction, by, verdict, V1), Ok((by, false)));
        assert!(matches!(ended(&one.transaction, by, other, V1), Err(TransactionError::InvalidState(_))));

        let two = end(Some(&state(ONGOING)), ask(&state(ONGOING), by, verdict, V2), FRESH, Timestamp(0)).unwrap();
        assert!(two.ends);
        assert_eq!(ended(&two.transaction, by, verdict, V2), Ok((producer(7, 4), false)));
        assert!(matches!(ended(&two.transaction, by, other, V2), Err(TransactionError::InvalidState(_))));
    }
}

#[test]
fn only_version_2_aborts_what_has_not_begun() {
    use TransactionVersion::{V1, V2};
    use Verdict::{Abort, Commit};
    let by = producer(7, 3);
    for status in [Status::Empty, Status::Ended(Commit)] {
        assert_eq!(ended(&state(status), by, Abort, V2), Ok((producer(7, 4), false)));
        assert!(matches!(ended(&state(status), by, Commit, V2), Err(TransactionError::InvalidState(_))));
        assert!(matches!(ended(&state(status), by, Abort, V1), Err(TransactionError::InvalidState(_))));
    }
}

#[test]
fn a_transaction_that_times_out_is_aborted_and_its_producer_may_ask_to_go_on() {
    let open = state(ONGOING);
    assert_eq!(expire(&open, FRESH, Timestamp(60_999)), None);
    let expired = expire(&open, FRESH, Timestamp(61_000)).unwrap();
    assert_eq!((expired.producer, expired.status), (producer(7, 4), Status::Ended(Verdict::Abort)));
    let fenced = Err(TransactionError::Fenced { current: producer(7, 4) });
    assert_eq!(ended(&expired, open.producer, Verdict::Commit, TransactionVersion::V1), fenced);
    let refused = ended(&expired, open.producer, Verdict::Commit, TransactionVersion::V2);
    assert!(matches!(refused, Err(TransactionError::InvalidState(_))));
    assert_eq!(start(Some(&expired), Some(open.producer)).unwrap().transaction.producer, producer(7, 4));
    assert_eq!(abort(&expired, FRESH, Timestamp(0)), None);
}

#[test]
fn an_id_that_is_idle_is_forgotten_but_never_an_open_transaction() {
    let expiry = Duration::from_secs(1);
    assert!(state(Status::Empty).is_expired(Timestamp(1_001), expiry));
    assert!(!state(Status::Empty).is_expired(Timestamp(1_000), expiry));
    assert!(!state(ONGOING).is_expired(Timestamp(i64::MAX), expiry));
}
