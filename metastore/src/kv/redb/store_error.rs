//! Maps redb's errors to one enum.

use std::io;

use ::redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};
use thiserror::Error;

use crate::kv::Error;

/// Why the store could not be opened, read or written.
#[derive(Debug, Error)]
pub(super) enum StoreError {
    /// The disk failed.
    #[error("{0}")]
    Io(io::Error),
    /// The store's format number is higher than ours.
    #[error("its format {0} is newer than this version")]
    NewerFormat(u64),
    /// The last batch is in doubt, and this process cannot look for its objects.
    #[error("its last commit is in doubt: {0}")]
    Undecided(String),
    /// The file is damaged or no store of ours.
    #[error("{0}")]
    Unreadable(String),
}

impl StoreError {
    /// The error of a transaction that met this one.
    pub fn into_error(self) -> Error {
        Error::Storage(self.to_string())
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Unreadable(error.to_string())
            }
            StorageError::Io(error) => Self::Io(error),
            StorageError::PreviousIo => Self::Io(io::Error::other("the disk failed earlier")),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<TransactionError> for StoreError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}
