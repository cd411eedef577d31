//! Records in, one Parquet file out.

use alluvium_model::{Offset, Timestamp, TopicPartition};
use bytes::Bytes;

use crate::{FileIdentity, HistoryRecord};

/// Writes one history file, record by record. All of it is CPU work: call it off the async threads.
pub struct HistoryWriter {}

/// A whole file, ready to be put.
#[derive(Debug)]
pub struct FinishedFile {
    /// Whose records it holds.
    pub identity: FileIdentity,
    /// Its bytes, in order.
    pub parts: Vec<Bytes>,
    /// Sum of the parts.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// Smallest and largest record timestamp; `NONE` where it holds no record.
    pub timestamps: (Timestamp, Timestamp),
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Records must come with rising offsets, from the file's start on.
    #[error("offset {offset} does not follow {expected}")]
    Order {
        /// The record's.
        offset: Offset,
        /// The lowest that could have followed.
        expected: Offset,
    },
    /// The Parquet encoder failed.
    #[error("encoding parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The Arrow builders failed.
    #[error("building columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl HistoryWriter {
    /// A file of `partition` of the topic called `topic`, whose first offset is `start`.
    ///
    /// # Errors
    /// If the encoder refuses the schema.
    pub fn new(_topic: &str, _partition: TopicPartition, _start: Offset) -> Result<Self, WriteError> {
        unimplemented!()
    }

    /// Appends one record.
    ///
    /// # Errors
    /// If its offset does not rise, or the encoder fails.
    pub fn push(&mut self, _record: &HistoryRecord) -> Result<(), WriteError> {
        unimplemented!()
    }

    /// Bytes the file would have if it were finished now, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        unimplemented!()
    }

    /// Completes the file, which covers offsets up to `end` (exclusive) whether or not a record has the last of them.
    ///
    /// # Errors
    /// If `end` is not past the last record, or the encoder fails.
    pub fn finish(self, _end: Offset) -> Result<FinishedFile, WriteError> {
        unimplemented!()
    }
}
