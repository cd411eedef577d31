//! The input and the output of the write path: batches to append, acknowledgements, and errors.

use alluvium_model::log::BatchRejection;
use alluvium_model::transaction::TransactionVersion;
use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_wire::batch::Batch;
use thiserror::Error;

/// One validated batch for one partition.
#[derive(Clone, Debug)]
pub struct PartitionAppend {
    /// The partition that it is appended to.
    pub partition: TopicPartition,
    /// The batch, stored verbatim (already stamped if the topic's timestamp type is LogAppendTime).
    pub batch: Batch,
    /// The rules that its producer follows, if it is transactional.
    pub transactional: Option<TransactionVersion>,
}

/// A durable batch: it has offsets, and every agent can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Offset of its first record; for a duplicate, the offset that it got the first time.
    pub base_offset: Offset,
    /// First offset of the partition's log.
    pub log_start: Offset,
    /// Whether the batch was already in the log.
    pub duplicate: bool,
    /// Largest timestamp of the batch as it is stored; for a duplicate, as it was stored the first time.
    pub timestamp: Timestamp,
}

/// What became of one batch.
pub type AppendResult = Result<Ack, ProduceError>;

/// Why a batch is not in the log. If `is_retryable`, the very same batch may be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProduceError {
    /// The commit rejected this batch.
    #[error("batch rejected: {0}")]
    Rejected(BatchRejection),
    /// The segment with this batch could not be written to the object store in time.
    #[error("segment upload failed: {0}")]
    Upload(String),
    /// This agent cannot use the object store, and other agents can: the client is to send the batch to one of them.
    #[error("this agent cannot use the object store, and others can")]
    Degraded,
    /// An earlier batch of its producer failed: that one has to be in the log first.
    #[error("an earlier batch of this producer failed and has to be sent again first")]
    Gap,
    /// The metastore did not commit in time; the batch may have been committed nevertheless.
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
            Self::Rejected(BatchRejection::SegmentTooOld { .. } | BatchRejection::FirstBatchMissing { .. }) => true,
            Self::Rejected(_) => false,
            Self::Upload(_) | Self::Degraded | Self::Gap | Self::Commit(_) | Self::Draining => true,
        }
    }
}
