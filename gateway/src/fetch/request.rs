//! Requests and answers of the read path, in domain types.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_runtime::TaskPriority;
use bytes::Bytes;
use thiserror::Error;

use crate::memory::Permit;

/// One fetch of many partitions.
#[derive(Clone, Debug, Default)]
pub struct FetchPlan {
    /// Wait until this many bytes are available, or `max_wait` is over.
    pub min_bytes: usize,
    /// Answer at most this many bytes; only the first batch may exceed it, because it is always whole.
    pub max_bytes: usize,
    /// How long to wait for `min_bytes`.
    pub max_wait: Duration,
    /// Read only up to the stable offset.
    pub read_committed: bool,
    /// Partitions in the order in which the client wants them served.
    pub partitions: Vec<FetchPartition>,
    /// The priority of the task that fetches: low while it reads old records.
    pub priority: TaskPriority,
}

/// The part of a fetch that concerns one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// The partition to read.
    pub partition: TopicPartition,
    /// The first offset to read.
    pub offset: Offset,
    /// Bytes to answer at most for this partition.
    pub max_bytes: usize,
}

/// The answer to a fetch: that of each partition, in the order of the plan.
#[derive(Debug)]
pub struct FetchAnswer {
    /// The answers.
    pub partitions: Vec<FetchedPartition>,
    /// The memory that they hold, to be released when they are written; `None` if there are no records.
    pub memory: Option<Permit>,
}

impl Deref for FetchAnswer {
    type Target = Vec<FetchedPartition>;

    fn deref(&self) -> &Self::Target {
        &self.partitions
    }
}

impl DerefMut for FetchAnswer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.partitions
    }
}

/// The answer for one partition.
#[derive(Clone, Debug)]
pub struct FetchedPartition {
    /// The partition that was read.
    pub partition: TopicPartition,
    /// Why there are no records. The offsets below are set if they are known.
    pub error: Option<FetchError>,
    /// Offset of the next record to be written (-1 if unknown).
    pub high_watermark: Offset,
    /// Last stable offset: all transactions below it have ended (-1 if unknown).
    pub stable: Offset,
    /// First offset that can be read (-1 if unknown).
    pub log_start: Offset,
    /// Whole batches in order, their headers re-based: buffers to be written one after the other.
    pub records: Vec<Bytes>,
}

impl FetchedPartition {
    /// Size of the records, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// Why one partition could not be read. The other partitions of the same fetch are not affected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// There is no such topic or partition.
    #[error("unknown partition {0}")]
    UnknownPartition(TopicPartition),
    /// The offset is before the log start or after the high watermark.
    #[error("offset {offset} is out of range [{start}, {next}]")]
    OffsetOutOfRange {
        /// The requested offset.
        offset: Offset,
        /// The log start.
        start: Offset,
        /// The high watermark.
        next: Offset,
    },
    /// The stored bytes are not those that were written.
    #[error("corrupt records in {partition}: {reason}")]
    Corrupt {
        /// The partition whose records are corrupt.
        partition: TopicPartition,
        /// What is wrong with them.
        reason: String,
    },
    /// An object is missing, or the object store failed or did not answer.
    #[error("storage failed: {0}")]
    Storage(String),
    /// The metastore failed or did not answer.
    #[error("metastore failed: {0}")]
    Metastore(String),
}

/// Which offset `ListOffsets` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// -1: the high watermark, or the stable offset for a read-committed consumer.
    Latest,
    /// -2: the log start.
    Earliest,
    /// -3: the record with the largest timestamp.
    MaxTimestamp,
    /// -4: the first offset in local storage. All records are in the object store, so it is the log start.
    EarliestLocal,
    /// -5: the last offset in tiered storage. Kafka answers -1 if tiering is off.
    LatestTiered,
    /// The first record at or after this time.
    Timestamp(Timestamp),
}

/// What `ListOffsets` found; [`FoundOffset::NONE`] if nothing matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The offset, or -1.
    pub offset: Offset,
    /// The timestamp of the record at `offset` if the query was by timestamp, else -1.
    pub timestamp: Timestamp,
}

/// One decoded record, for HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// The record's offset.
    pub offset: Offset,
    /// The record's timestamp, ms since the Unix epoch.
    pub timestamp: Timestamp,
    /// The record's key, if it has one.
    pub key: Option<Bytes>,
    /// The record's value; `None` for a tombstone.
    pub value: Option<Bytes>,
    /// The record's headers in order, duplicates included.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}
