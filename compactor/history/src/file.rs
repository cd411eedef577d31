//! Reading a history file: open once (the handle is cacheable), then read records or batches at any offset.

use std::ops::Range;

use alluvium_model::{Offset, Timestamp, TopicPartition};
use bytes::Bytes;

use crate::{HistoryRecord, RangedRead, SourceError};

/// Whose records a file holds, as its own metadata says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The topic's name when it was written.
    pub topic: String,
    /// The partition.
    pub partition: TopicPartition,
    /// Offsets covered; not every one need have a record.
    pub offsets: Range<Offset>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes could not be had.
    #[error("reading a history file: {0}")]
    Source(#[source] SourceError),
    /// The bytes are not those of a history file, or not those that were written.
    #[error("corrupt history file: {0}")]
    Corrupt(String),
    /// Written by a newer Alluvium.
    #[error("history file has format version {0}, unknown here")]
    Version(String),
}

/// An opened file: its metadata, without any of its records. Cheap to clone, worth caching; reads take the source anew.
#[derive(Clone)]
pub struct HistoryFile {}

impl HistoryFile {
    /// Reads and checks the footer.
    ///
    /// # Errors
    /// If it cannot be read, is corrupt, or is of an unknown version.
    pub async fn open(_source: &dyn RangedRead) -> Result<Self, ReadError> {
        unimplemented!()
    }

    /// Whose records it holds.
    #[must_use]
    pub fn identity(&self) -> &FileIdentity {
        unimplemented!()
    }

    /// Bytes of memory that the handle takes, about: its weight in a cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        unimplemented!()
    }

    /// Record batches (Kafka v2, uncompressed) from offset `from` on: of about `bytes_max` bytes, but at least one batch
    /// while `from` is before the end. The batches cover offsets without a gap from `from` on, also where records are
    /// missing, so that a consumer always gets past the end of the file. Empty where `from` is at or past the end.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn batches(
        &self,
        _source: &dyn RangedRead,
        _from: Offset,
        _bytes_max: usize,
    ) -> Result<Vec<Bytes>, ReadError> {
        unimplemented!()
    }

    /// Records from offset `from` on, of about `bytes_max` bytes of payload, at least one if there is one.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn records(
        &self,
        _source: &dyn RangedRead,
        _from: Offset,
        _bytes_max: usize,
    ) -> Result<Vec<HistoryRecord>, ReadError> {
        unimplemented!()
    }

    /// The first record at or after offset `from` whose timestamp is `timestamp` or later, with its timestamp.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn find_timestamp(
        &self,
        _source: &dyn RangedRead,
        _from: Offset,
        _timestamp: Timestamp,
    ) -> Result<Option<(Offset, Timestamp)>, ReadError> {
        unimplemented!()
    }

    /// The first of the records at or after offset `from` that have the largest timestamp, with it.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn latest_timestamp(
        &self,
        _source: &dyn RangedRead,
        _from: Offset,
    ) -> Result<Option<(Offset, Timestamp)>, ReadError> {
        unimplemented!()
    }
}
