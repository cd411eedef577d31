//! What can go wrong with a stored row, and with a transaction in general.

use thiserror::Error;

use crate::kv;

/// A stored row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("stored {row} row: {problem}")]
pub struct RowError {
    /// Of which kind.
    pub row: &'static str,
    /// What is wrong with it.
    pub problem: RowProblem,
}

/// What is wrong with a stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowProblem {
    /// Written by a version of the program that is not this one.
    #[error("unknown version {0}")]
    UnknownVersion(u8),
    /// An unknown kind.
    #[error("unknown kind {0}")]
    UnknownKind(u8),
    /// It ends too early.
    #[error("cut short")]
    Short,
    /// It goes on after its end.
    #[error("bytes after its end")]
    Long,
    /// A field that cannot be so.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// A row that must be there.
    #[error("missing")]
    Missing,
}

/// Why a transaction failed, where it has no refusals of its own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Kv(#[from] kv::Error),
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Kv(error) => error.is_retryable() || matches!(error, kv::Error::GaveUp { .. }),
            Self::Row(_) => false,
        }
    }
}

/// What fails below an operation becomes the variant `Metastore` of its errors.
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
