//! Why records could not be loaded. The partition is added when the error leaves the read path.

use alluvium_history::ReadError;
use alluvium_model::TopicPartition;
use alluvium_objects::ErrorKind;
use alluvium_wire::batch::BatchError;
use thiserror::Error;

use super::FetchError;

/// Why the records of an extent could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The object does not exist: the compactor has replaced and deleted it, or it is missing.
    #[error("object not found: {0}")]
    NotFound(String),
    /// The object store failed or did not answer.
    #[error("{0}")]
    Storage(String),
    /// The stored bytes are not those that were written.
    #[error("{0}")]
    Corrupt(String),
}

impl LoadError {
    /// The error of a fetch of `partition`.
    #[must_use]
    pub fn in_partition(self, partition: TopicPartition) -> FetchError {
        match self {
            Self::NotFound(reason) | Self::Storage(reason) => FetchError::Storage(reason),
            Self::Corrupt(reason) => FetchError::Corrupt { partition, reason },
        }
    }
}

impl From<alluvium_objects::Error> for LoadError {
    fn from(error: alluvium_objects::Error) -> Self {
        let reason = error.to_string();
        match error.kind {
            ErrorKind::NotFound => Self::NotFound(reason),
            ErrorKind::Range | ErrorKind::Corrupt => Self::Corrupt(reason),
            _ => Self::Storage(reason),
        }
    }
}

impl From<BatchError> for LoadError {
    fn from(error: BatchError) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Source(source) => match source.downcast::<Self>() {
                Ok(load) => *load,
                Err(other) => Self::Storage(other.to_string()),
            },
            error @ (ReadError::Corrupt(_) | ReadError::Version(_) | ReadError::Batch(_)) => {
                Self::Corrupt(error.to_string())
            }
        }
    }
}
