//! The errors of operations on transactions.

use alluvium_model::transaction::TransactionError;
use thiserror::Error as ThisError;

use crate::{
    groups::SaveError,
    keyspace::{Error, from_store},
};

/// Why something about a transaction was not done.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum TransactionFailure {
    /// The rules of transactions refuse it.
    #[error(transparent)]
    Refused(#[from] TransactionError),
    /// The group was changed by another coordinator, or the lease on it is not held any more.
    #[error("the group was changed by another coordinator")]
    GroupFenced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(TransactionFailure);

impl From<SaveError> for TransactionFailure {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Fenced => Self::GroupFenced,
            SaveError::Kv(error) => error.into(),
            SaveError::Row(error) => error.into(),
        }
    }
}
