//! The errors of operations on logs.

use alluvium_model::{
    ObjectId, Offset, TopicPartition, limits,
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
    /// The object is known, but the outcome of its commit is not stored any more.
    #[error("object {0} was committed before, too long ago for its outcome to be known")]
    Known(ObjectId),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why extents are not swapped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SwapError {
    /// The partition does not exist (any more).
    #[error("unknown partition {0}")]
    UnknownPartition(TopicPartition),
    /// An input has been swapped or trimmed since it was read.
    #[error("extents of {0} have changed since they were read")]
    Stale(TopicPartition),
    /// The lease on the partition is not held any more: another compactor may have it.
    #[error("the lease on the partition is not held any more")]
    Fenced,
    /// The outputs can never replace the inputs.
    #[error(transparent)]
    Invalid(#[from] InvalidSwap),
    /// The object of an output is known already.
    #[error("object {0} is known already")]
    ObjectKnown(ObjectId),
    /// All offsets of the swap were trimmed away meanwhile.
    #[error("the extents of partition {0} were trimmed away")]
    Trimmed(TopicPartition),
    /// Another partition of the shared history file can not be swapped.
    #[error("a part of the shared history file {0} is refused")]
    PartRefused(ObjectId),
    /// Offsets of a partition occur twice in one call.
    #[error("offsets of partition {0} are given twice")]
    Repeated(TopicPartition),
    /// There are more partitions than one transaction can change.
    #[error("a swap of {partitions} partitions exceeds {}", limits::SWAP_PARTITIONS_MAX)]
    TooManyPartitions {
        /// Number of partitions.
        partitions: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why a log is not trimmed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrimError {
    /// The partition does not exist (any more).
    #[error("unknown partition {0}")]
    UnknownPartition(TopicPartition),
    /// The requested offset is beyond the end of the log.
    #[error("offset {requested} is beyond the end {next} of the log")]
    OutOfRange {
        /// The requested offset.
        requested: Offset,
        /// The end of the log.
        next: Offset,
    },
    /// The lease on retention is not held any more: another node may have it.
    #[error("the lease on retention is not held any more")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

impl SwapError {
    /// Whether the swap may have been made nevertheless: then its outputs must not be deleted.
    #[must_use]
    pub fn is_maybe_made(&self) -> bool {
        match self {
            Self::Metastore(Error::Kv(error)) => error.is_maybe_committed(),
            _ => false,
        }
    }
}

from_store!(LogError, SwapError, TrimError);
from_check!(SwapError, TrimError);
