//! What redb may answer, in our words.

use std::io;

use ::redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};
use thiserror::Error;

use crate::kv::Error;

/// Why the store could not be opened, read or written.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Io(io::Error),
    #[error("its format {0} is newer than this version")]
    NewerFormat(u64),
    #[error("{0}")]
    Unreadable(String),
}

impl Fault {
    pub fn into_error(self) -> Error {
        Error::Storage(self.to_string())
    }
}

impl From<StorageError> for Fault {
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

impl From<DatabaseError> for Fault {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<TransactionError> for Fault {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<CommitError> for Fault {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            other => Self::Unreadable(other.to_string()),
        }
    }
}
