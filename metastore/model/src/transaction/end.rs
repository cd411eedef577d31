//! How a transaction ends: `EndTxn`, its repetitions, the timeout, and an administrator's abort.
//!
//! The answers to repeated requests are those of Kafka's `TransactionCoordinator.endTransaction`, less the states in
//! between.

use super::error::TransactionError;
use super::ids::TransactionalProducer;
use super::join::may_write;
use super::state::{Status, Transaction, TransactionVersion, Verdict};
use crate::{ProducerId, Timestamp};

/// The request to end a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Who asks.
    pub producer: TransactionalProducer,
    /// How it is to end.
    pub verdict: Verdict,
    /// The rules that the client follows.
    pub version: TransactionVersion,
}

/// What [`end`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOutcome {
    /// The state from now on; its producer is the answer to a client of version 2.
    pub transaction: Transaction,
    /// Whether a transaction was open: its records and offsets get the verdict in the same step.
    pub ends: bool,
}

/// Ends the transaction of a transactional id in `state`. `fresh` is a producer id that nobody has, in case the epoch
/// is exhausted.
///
/// # Errors
/// If `request.producer` may not end it, or there is nothing to commit.
pub fn end(
    state: Option<&Transaction>,
    request: End,
    fresh: ProducerId,
    now: Timestamp,
) -> Result<EndOutcome, TransactionError> {
    match (state, request.version) {
        (Some(state), TransactionVersion::V2) if state.previous == Some(request.producer) => repeated(state, request),
        _ => first(may_write(state, request.producer)?, request, fresh, now),
    }
}

/// The answer to a client of version 2 that has not got the answer to its end, and so has not got its next epoch.
fn repeated(state: &Transaction, request: End) -> Result<EndOutcome, TransactionError> {
    match state.status {
        Status::Ended(verdict) if verdict == request.verdict => Ok(EndOutcome { transaction: *state, ends: false }),
        Status::Ended(_) => Err(TransactionError::InvalidState("the transaction has ended otherwise")),
        Status::Empty | Status::Ongoing { .. } => Err(TransactionError::Fenced { current: state.producer }),
    }
}

fn first(state: &Transaction, request: End, fresh: ProducerId, now: Timestamp) -> Result<EndOutcome, TransactionError> {
    let ended = |ends| {
        let (producer, previous) = match request.version {
            TransactionVersion::V1 => (state.producer, None),
            TransactionVersion::V2 => (state.producer.next(fresh), Some(state.producer)),
        };
        let status = Status::Ended(request.verdict);
        Ok(EndOutcome {
            transaction: Transaction { producer, previous, status, members: 0, updated: now, ..*state },
            ends,
        })
    };
    match (state.status, request.version, request.verdict) {
        (Status::Ongoing { .. }, ..) => ended(true),
        (Status::Ended(verdict), TransactionVersion::V1, asked) if verdict == asked => {
            Ok(EndOutcome { transaction: *state, ends: false })
        }
        // The client cannot know whether anything that it sent has arrived, and needs a new epoch in any case.
        (Status::Empty | Status::Ended(_), TransactionVersion::V2, Verdict::Abort) => ended(false),
        (Status::Empty, ..) => Err(TransactionError::InvalidState("no transaction has begun")),
        (Status::Ended(_), ..) => Err(TransactionError::InvalidState("the transaction has already ended")),
    }
}

/// The state after the open transaction has timed out, and is aborted; `None` if there is none or it has time left.
#[must_use]
pub fn expire(state: &Transaction, fresh: ProducerId, now: Timestamp) -> Option<Transaction> {
    (state.deadline()? <= now).then(|| abort(state, fresh, now)).flatten()
}

/// The state after the open transaction is aborted without its producer, which is fenced but may go on if it asks
/// (KIP-588); `None` if none is open.
#[must_use]
pub fn abort(state: &Transaction, fresh: ProducerId, now: Timestamp) -> Option<Transaction> {
    matches!(state.status, Status::Ongoing { .. }).then(|| Transaction {
        producer: state.producer.next(fresh),
        previous: Some(state.producer),
        status: Status::Ended(Verdict::Abort),
        members: 0,
        updated: now,
        ..*state
    })
}
