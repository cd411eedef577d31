//! What a fetch asks and what it is answered, in domain types.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};
use bytes::Bytes;
use thiserror::Error;

/// One fetch over many partitions.
#[derive(Clone, Debug, Default)]
pub struct FetchPlan {
    /// Wait until this many bytes are there (or `max_wait` is over).
    pub min_bytes: usize,
    /// Answer no more than this, except that the first batch is always whole.
    pub max_bytes: usize,
    /// How long to wait for `min_bytes`.
    pub max_wait: Duration,
    /// Up to the stable offset only.
    pub read_committed: bool,
    /// In the order in which the client wants them served.
    pub partitions: Vec<FetchPartition>,
}

/// What a fetch wants of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// Which one.
    pub partition: TopicPartition,
    /// From which offset on.
    pub offset: Offset,
    /// No more than this many bytes.
    pub max_bytes: usize,
}

/// What a fetch found in one partition.
#[derive(Clone, Debug)]
pub struct FetchedPartition {
    /// Which one.
    pub partition: TopicPartition,
    /// Why there are no records; the offsets are those known all the same.
    pub error: Option<FetchError>,
    /// Offset of the next record to be written (-1 where unknown).
    pub high_watermark: Offset,
    /// Up to where transactions are decided (-1 where unknown).
    pub stable: Offset,
    /// First offset that can be read (-1 where unknown).
    pub log_start: Offset,
    /// Whole batches in order, headers re-based: a rope to be written as it is.
    pub records: Vec<Bytes>,
}

impl FetchedPartition {
    /// Bytes of records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// Why one partition could not be read. Others of the same fetch are not affected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// No such topic or partition.
    #[error("unknown partition {0}")]
    UnknownPartition(TopicPartition),
    /// Before the log start or after the high watermark.
    #[error("offset {offset} is out of range [{start}, {next}]")]
    OffsetOutOfRange {
        /// Asked for.
        offset: Offset,
        /// Log start.
        start: Offset,
        /// High watermark.
        next: Offset,
    },
    /// What is stored is not what was written.
    #[error("corrupt records in {partition}: {reason}")]
    Corrupt {
        /// Where.
        partition: TopicPartition,
        /// What was found.
        reason: String,
    },
    /// The object store has lost an object or does not answer.
    #[error("storage failed: {0}")]
    Storage(String),
    /// The metastore does not answer.
    #[error("metastore failed: {0}")]
    Metastore(String),
}

/// Which offset `ListOffsets` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// -1: the high watermark, or the stable offset for a read-committed reader.
    Latest {
        /// Ask for the stable offset.
        read_committed: bool,
    },
    /// -2: the log start.
    Earliest,
    /// -3: the record with the largest timestamp.
    MaxTimestamp,
    /// -4: the first offset in local storage: there is none but the bucket, so the log start.
    EarliestLocal,
    /// -5: the last offset in tiered storage: Kafka answers -1 where tiering is off.
    LatestTiered,
    /// The first record at or after this time.
    Timestamp(alluvium_model::Timestamp),
}

/// What `ListOffsets` found; `Offset(-1)` and `Timestamp::NONE` where nothing matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    /// The offset, or -1.
    pub offset: Offset,
    /// The timestamp of the record there where the question was about time, else -1.
    pub timestamp: alluvium_model::Timestamp,
}

/// One decoded record, for HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: alluvium_model::Timestamp,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers in order, duplicates kept.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}
