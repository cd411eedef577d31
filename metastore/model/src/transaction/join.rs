//! What belongs to a transaction: partitions and groups that are added to it, and batches that are written in it.

use super::error::TransactionError;
use super::ids::TransactionalProducer;
use super::state::{Status, Transaction};
use crate::Timestamp;
use crate::limits::TRANSACTION_MEMBERS_MAX;

/// The state after `producer` adds `members` partitions and groups to its transaction, which begins if none is open.
///
/// # Errors
/// If `producer` may not write, or there would be more than [`TRANSACTION_MEMBERS_MAX`].
pub fn joined(
    state: Option<&Transaction>,
    producer: TransactionalProducer,
    members: u32,
    now: Timestamp,
) -> Result<Transaction, TransactionError> {
    let state = may_write(state, producer)?;
    let state = match state.status {
        Status::Ongoing { .. } => *state,
        Status::Empty | Status::Ended(_) => {
            Transaction { previous: None, status: Status::Ongoing { since: now }, members: 0, updated: now, ..*state }
        }
    };
    let sum = state.members.saturating_add(members);
    if sum > TRANSACTION_MEMBERS_MAX {
        return Err(TransactionError::TooLarge { members: state.members });
    }
    Ok(Transaction { members: sum, ..state })
}

/// The state, if `producer` is the one that may write.
///
/// # Errors
/// If it is not.
pub fn may_write(
    state: Option<&Transaction>,
    producer: TransactionalProducer,
) -> Result<&Transaction, TransactionError> {
    let state = state.ok_or(TransactionError::UnknownProducer)?;
    if state.producer == producer {
        Ok(state)
    } else if state.producer.id == producer.id || state.previous == Some(producer) {
        Err(TransactionError::Fenced { current: state.producer })
    } else {
        Err(TransactionError::UnknownProducer)
    }
}
