//! Why a log operation fails.

use alluvium_model::{
    ObjectId, Offset, TopicPartition,
    log::{InvalidSegment, swap::InvalidSwap},
};
use thiserror::Error;

use crate::{
    keyspace::{Error, from_store},
    leases::from_check,
};

/// Why segments are not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    /// A segment is malformed.
    #[error(transparent)]
    Invalid(#[from] InvalidSegment),
    /// A segment occurs twice in one call.
    #[error("segment {0} is given twice")]
    Repeated(ObjectId),
    /// An object of this id is known, but not what became of its commit.
    #[error("object {0} was committed before, too long ago for its outcome to be known")]
    Known(ObjectId),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why extents are not swapped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SwapError {
    /// No such partition (any more).
    #[error("unknown partition {0}")]
    UnknownPartition(TopicPartition),
    /// An input has been swapped or trimmed away in the meantime.
    #[error("extents of {0} have changed since they were read")]
    Stale(TopicPartition),
    /// The partition is another compactor's by now.
    #[error("the lease on the partition is not held any more")]
    Fenced,
    /// The outputs can never replace the inputs.
    #[error(transparent)]
    Invalid(#[from] InvalidSwap),
    /// An output's object is known already.
    #[error("object {0} is known already")]
    ObjectKnown(ObjectId),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why a log is not trimmed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrimError {
    /// No such partition (any more).
    #[error("unknown partition {0}")]
    UnknownPartition(TopicPartition),
    /// Beyond the end of the log.
    #[error("offset {requested} is beyond the end {next} of the log")]
    OutOfRange {
        /// Asked for.
        requested: Offset,
        /// End of the log.
        next: Offset,
    },
    /// Retention is another node's by now.
    #[error("the lease on retention is not held any more")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(LogError, SwapError, TrimError);
from_check!(SwapError, TrimError);
