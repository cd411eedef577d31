//! What goes into the produce pipeline and what comes out of it.

use alluvium_model::log::BatchRejection;
use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_wire::batch::Batch;
use thiserror::Error;

/// One validated batch for one partition.
#[derive(Clone, Debug)]
pub struct PartitionAppend {
    /// Where it goes.
    pub partition: TopicPartition,
    /// What goes there, verbatim (already stamped where the topic says LogAppendTime).
    pub batch: Batch,
}

/// A durable batch: it has offsets, and every agent can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Offset of its first record; for a duplicate, of the first time.
    pub base_offset: Offset,
    /// Where the partition's log starts.
    pub log_start: Offset,
    /// Whether an earlier append of the same batch was found instead.
    pub duplicate: bool,
    /// Largest timestamp of the batch as it is stored (of the first time, for a duplicate).
    pub timestamp: Timestamp,
}

/// Why a batch is not in the log. Where `is_retryable`, the very same batch may be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProduceError {
    /// The commit refused this batch.
    #[error("batch refused: {0}")]
    Refused(BatchRejection),
    /// The segment with this batch could not be written to the object store in time.
    #[error("segment upload failed: {0}")]
    Upload(String),
    /// An earlier batch of its producer failed: that one has to be in the log first.
    #[error("an earlier batch of this producer failed and has to be sent again first")]
    Gap,
    /// The metastore did not commit in time; the batch may have been committed all the same.
    #[error("commit failed: {0}")]
    Commit(String),
    /// The agent is stopping.
    #[error("agent is draining")]
    Draining,
}

impl ProduceError {
    /// Whether sending the same batch again can succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(BatchRejection::SegmentTooOld { .. }) => true,
            Self::Refused(_) => false,
            Self::Upload(_) | Self::Gap | Self::Commit(_) | Self::Draining => true,
        }
    }
}
