//! Why a request about a transaction is refused.

use thiserror::Error;

use super::ids::TransactionalProducer;

/// Why a request about a transaction is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// The transactional id is unknown, or has another producer id.
    #[error("the transactional id does not have this producer id")]
    UnknownProducer,
    /// Another incarnation of the producer has taken over, or the transaction timed out.
    #[error("the producer is fenced by producer {current}")]
    Fenced {
        /// The incarnation that may write now.
        current: TransactionalProducer,
    },
    /// It would have more partitions and groups than a transaction may have: all of them change when it ends.
    #[error("the transaction has {members} partitions and groups already")]
    TooLarge {
        /// How many it has.
        members: u32,
    },
    /// The transaction is not in a state in which the request makes sense.
    #[error("{0}")]
    InvalidState(&'static str),
}
