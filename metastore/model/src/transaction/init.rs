//! `InitProducerId` with a transactional id: a producer takes it over, or goes on after an error (KIP-360).

use std::time::Duration;

use super::error::TransactionError;
use super::ids::TransactionalProducer;
use super::state::{Status, Transaction};
use crate::{ProducerId, Timestamp};

/// The request of a producer that begins, or begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Init {
    /// Who it is, if it goes on after an error; `None` if it has just started.
    pub expected: Option<TransactionalProducer>,
    /// How long its transactions may be open.
    pub timeout: Duration,
}

/// What [`init`] decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitOutcome {
    /// The state from now on; its producer is the answer.
    pub transaction: Transaction,
    /// Whether a transaction was open, which is aborted in the same step.
    pub aborts: bool,
}

/// Gives the transactional id, in `state`, to a producer. An open transaction is aborted, and whoever had the id before
/// is fenced. `fresh` is a producer id that nobody has.
///
/// Kafka fences and aborts first and lets the client ask again (`CONCURRENT_TRANSACTIONS`); here it is one step.
///
/// # Errors
/// [`TransactionError::Fenced`] if the producer is not the one that it takes itself for.
pub fn init(
    state: Option<&Transaction>,
    request: Init,
    fresh: ProducerId,
    now: Timestamp,
) -> Result<InitOutcome, TransactionError> {
    let Some(state) = state else {
        // Kafka does the same for an id that has expired: whoever knew it may go on.
        let producer = TransactionalProducer::new(fresh);
        return Ok(InitOutcome { transaction: taken(producer, None, request, now), aborts: false });
    };
    if request.expected.is_some() && request.expected == state.previous {
        // It asks again, and has begun nothing since.
        return Ok(InitOutcome { transaction: Transaction { timeout: request.timeout, ..*state }, aborts: false });
    }
    if request.expected.is_some_and(|expected| expected != state.producer) {
        return Err(TransactionError::Fenced { current: state.producer });
    }
    let producer = state.producer.next(fresh);
    let aborts = matches!(state.status, Status::Ongoing { .. });
    Ok(InitOutcome { transaction: taken(producer, request.expected, request, now), aborts })
}

fn taken(
    producer: TransactionalProducer,
    previous: Option<TransactionalProducer>,
    request: Init,
    now: Timestamp,
) -> Transaction {
    Transaction { producer, previous, status: Status::Empty, members: 0, timeout: request.timeout, updated: now }
}
