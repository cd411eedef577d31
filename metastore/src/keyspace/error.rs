//! The errors of reading a stored row, and of a transaction in general.

use thiserror::Error;

use crate::kv;

/// A stored key or value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("stored {row} row: {problem}")]
pub struct RowError {
    /// The kind of row, by name.
    pub row: &'static str,
    /// The problem with it.
    pub problem: RowProblem,
}

/// A problem with a stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowProblem {
    /// Its first byte is a version that this program does not know: a newer program wrote it.
    #[error("unknown version {0}: a newer version of the program wrote it, update this one")]
    UnknownVersion(u8),
    /// It is of a kind that this program does not know: a newer program wrote it.
    #[error("unknown kind {0}: a newer version of the program wrote it, update this one")]
    UnknownKind(u8),
    /// It ends before its last field does.
    #[error("cut short")]
    Short,
    /// Bytes follow its last field.
    #[error("bytes after its end")]
    Long,
    /// A field has a value that it can never have.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// A row that must exist does not.
    #[error("missing")]
    Missing,
}

/// Why a transaction failed that has no errors of its own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The key-value store failed.
    #[error(transparent)]
    Kv(#[from] kv::Error),
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl Error {
    /// Whether the same call may succeed if it is repeated later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Kv(error) => error.is_retryable() || matches!(error, kv::Error::GaveUp { .. }),
            Self::Row(_) => false,
        }
    }
}

/// Turns errors of the store and of rows into the variant `Metastore` of an operation's errors.
macro_rules! from_store {
    ($($error:ty),*) => {$(
        impl From<crate::kv::Error> for $error {
            fn from(error: crate::kv::Error) -> Self {
                Self::Metastore(error.into())
            }
        }

        impl From<crate::keyspace::RowError> for $error {
            fn from(error: crate::keyspace::RowError) -> Self {
                Self::Metastore(error.into())
            }
        }
    )*};
}

pub(crate) use from_store;
