//! Reading a history file: open once (the handle is cacheable), then read records or batches at any offset.

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{Offset, Timestamp, TopicPartition};
use alluvium_wire::batch::BuildError;
use arrow_array::RecordBatch;
use bytes::Bytes;

use crate::batches::BatchEncoder;
use crate::columns;
use crate::decode::{Columns, decode};
use crate::index::{Index, Located, Rows, TimestampPage};
use crate::open::{self, Footer};
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
    /// A record does not fit a batch.
    #[error("re-encoding history: {0}")]
    Batch(#[from] BuildError),
}

impl ReadError {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

/// An opened file: its metadata, without any of its records. Cheap to clone, worth caching; reads take the source anew.
#[derive(Clone)]
pub struct HistoryFile {
    opened: Arc<Opened>,
}

struct Opened {
    footer: Footer,
    index: Index,
}

impl HistoryFile {
    /// Reads and checks the footer.
    ///
    /// # Errors
    /// If it cannot be read, is corrupt, or is of an unknown version.
    pub async fn open(source: &dyn RangedRead) -> Result<Self, ReadError> {
        let footer = open::open(source).await?;
        let index = Index::new(Arc::clone(footer.parquet.metadata()), &footer.identity.offsets)
            .ok_or_else(|| ReadError::corrupt("row group statistics"))?;
        Ok(Self { opened: Arc::new(Opened { footer, index }) })
    }

    /// Whose records it holds.
    #[must_use]
    pub fn identity(&self) -> &FileIdentity {
        &self.opened.footer.identity
    }

    /// Bytes of memory that the handle takes, about: its weight in a cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Opened>() + self.opened.index.weight() + self.opened.footer.checksums.weight()
    }

    /// Offsets around `at` whose records take about `bytes`: the same for all of them, so that who reads a file piece by
    /// piece reads the same pieces wherever it begins. Empty where `at` is not in the file.
    #[must_use]
    pub fn piece(&self, at: Offset, bytes: usize) -> Range<Offset> {
        self.opened.index.piece(at, bytes, &self.identity().offsets)
    }

    /// Record batches (Kafka v2, uncompressed) from offset `from` on: of about `bytes_max` bytes, but at least one batch
    /// while `from` is before the end. The batches cover offsets without a gap from `from` on, also where records are
    /// missing, so that a consumer always gets past the end of the file. Empty where `from` is at or past the end.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn batches(
        &self,
        source: &dyn RangedRead,
        from: Offset,
        bytes_max: usize,
    ) -> Result<Vec<Bytes>, ReadError> {
        self.batches_within(source, from..self.identity().offsets.end, bytes_max).await
    }

    /// The same, of the offsets `within` only.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn batches_within(
        &self,
        source: &dyn RangedRead,
        within: Range<Offset>,
        bytes_max: usize,
    ) -> Result<Vec<Bytes>, ReadError> {
        let offsets = &self.identity().offsets;
        let (from, end) = (within.start.max(offsets.start), within.end.min(offsets.end));
        if from >= end {
            return Ok(Vec::new());
        }
        let mut encoder = BatchEncoder::new(from, bytes_max);
        loop {
            let next = encoder.next();
            if next >= end {
                return Ok(encoder.finish());
            }
            let Some(mut rows) = self.window(source, next, encoder.bytes_left()).await? else {
                return Ok(encoder.finish_to(end)?);
            };
            // No more rows than offsets.
            let offsets = usize::try_from(end.since(next)).unwrap_or(usize::MAX);
            rows.rows.end = rows.rows.end.min(rows.rows.start.saturating_add(offsets));
            let filled = self.decode(source, rows, Columns::All, move |batches| encode(encoder, &batches, end)).await?;
            encoder = match filled {
                (encoder, Filled::Full) => return Ok(encoder.finish()),
                (encoder, Filled::ToEnd) => return Ok(encoder.finish_to(end)?),
                (encoder, Filled::NotYet) => encoder,
            };
            self.expect_progress(next, encoder.next())?;
        }
    }

    /// Records from offset `from` on, of about `bytes_max` bytes of payload, at least one if there is one.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn records(
        &self,
        source: &dyn RangedRead,
        from: Offset,
        bytes_max: usize,
    ) -> Result<Vec<HistoryRecord>, ReadError> {
        let Some(rows) = self.window(source, from, bytes_max).await? else { return Ok(Vec::new()) };
        self.decode(source, rows, Columns::All, |batches| {
            batches.iter().map(records).collect::<Result<Vec<_>, _>>().map(|records| records.concat())
        })
        .await
    }

    /// The first record at or after offset `from` whose timestamp is `timestamp` or later, with its timestamp.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn find_timestamp(
        &self,
        source: &dyn RangedRead,
        from: Offset,
        timestamp: Timestamp,
    ) -> Result<Option<(Offset, Timestamp)>, ReadError> {
        let Some((first, row)) = self.locate(source, from).await? else { return Ok(None) };
        for group in self.opened.index.groups_with(first, timestamp) {
            let row = if group == first { row } else { 0 };
            for page in self.timestamp_pages(group, row)?.into_iter().filter(|page| page.latest >= timestamp) {
                let stamps = self.stamps(source, page.rows).await?;
                let found = stamps.into_iter().find(|(_, found)| *found >= timestamp);
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    /// The first of the records at or after offset `from` that have the largest timestamp, with it.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn latest_timestamp(
        &self,
        source: &dyn RangedRead,
        from: Offset,
    ) -> Result<Option<(Offset, Timestamp)>, ReadError> {
        let Some((first, row)) = self.locate(source, from).await? else { return Ok(None) };
        let mut best: Option<(Offset, Timestamp)> = None;
        let mut later: Option<TimestampPage> = None;
        for group in self.opened.index.groups_with(first, Timestamp(i64::MIN)) {
            for page in self.timestamp_pages(group, if group == first { row } else { 0 })? {
                if !page.is_whole {
                    best = latest(self.stamps(source, page.rows).await?);
                } else if later.as_ref().is_none_or(|later| page.latest > later.latest) {
                    later = Some(page);
                }
            }
        }
        match later {
            Some(page) if best.is_none_or(|(_, best)| page.latest > best) => {
                Ok(latest(self.stamps(source, page.rows).await?))
            }
            Some(_) | None => Ok(best),
        }
    }

    /// Rows from the first record at or after `from` on that make up about `bytes`; `None` where there is no record.
    async fn window(&self, source: &dyn RangedRead, from: Offset, bytes: usize) -> Result<Option<Rows>, ReadError> {
        let located = self.locate(source, from).await?;
        Ok(located.map(|(group, row)| self.opened.index.window(group, row, bytes)))
    }

    /// Row group and row of the first record at or after `from`.
    async fn locate(&self, source: &dyn RangedRead, from: Offset) -> Result<Option<(usize, usize)>, ReadError> {
        let Some(located) = self.opened.index.locate(from) else { return Ok(None) };
        match located.ok_or_else(|| ReadError::corrupt("page index of offsets"))? {
            Located::At { group, row } => Ok(Some((group, row))),
            Located::Within(Rows { group, rows }) => {
                let start = rows.start;
                let stamps = self.stamps(source, Rows { group, rows }).await?;
                let row = stamps.iter().position(|(offset, _)| *offset >= from);
                let row = row.ok_or_else(|| ReadError::corrupt("page index of offsets"))?;
                Ok(Some((group, start + row)))
            }
        }
    }

    fn timestamp_pages(&self, group: usize, row: usize) -> Result<Vec<TimestampPage>, ReadError> {
        let pages = self.opened.index.timestamp_pages(group, row);
        pages.ok_or_else(|| ReadError::corrupt("page index of timestamps"))
    }

    /// Offset and timestamp of each of `rows`.
    async fn stamps(&self, source: &dyn RangedRead, rows: Rows) -> Result<Vec<(Offset, Timestamp)>, ReadError> {
        self.decode(source, rows, Columns::OffsetAndTimestamp, |batches| {
            let stamps = |batch: &RecordBatch| {
                let (offsets, timestamps) = (columns::offsets(batch)?, columns::timestamps(batch)?);
                Some(offsets.iter().zip(timestamps).map(|(o, t)| (Offset(*o), Timestamp(*t))).collect::<Vec<_>>())
            };
            let stamps = batches.iter().map(stamps).collect::<Option<Vec<_>>>();
            stamps.map(|stamps| stamps.concat()).ok_or_else(columns_mismatch)
        })
        .await
    }

    async fn decode<T: Send + 'static>(
        &self,
        source: &dyn RangedRead,
        rows: Rows,
        columns: Columns,
        finish: impl FnOnce(Vec<RecordBatch>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        decode(&self.opened.footer, source, rows, columns, finish).await
    }

    fn expect_progress(&self, before: Offset, after: Offset) -> Result<(), ReadError> {
        if before < after && after <= self.identity().offsets.end {
            Ok(())
        } else {
            Err(ReadError::corrupt("offsets do not rise"))
        }
    }
}

/// How far some records have filled an encoder.
enum Filled {
    /// No more fits.
    Full,
    /// What follows is not wanted.
    ToEnd,
    NotYet,
}

/// Adds the records before `end` to the encoder.
fn encode(
    mut encoder: BatchEncoder,
    batches: &[RecordBatch],
    end: Offset,
) -> Result<(BatchEncoder, Filled), ReadError> {
    for batch in batches {
        for record in records(batch)? {
            if record.offset < encoder.next() {
                return Err(ReadError::corrupt("offsets do not rise"));
            }
            if record.offset >= end {
                return Ok((encoder, Filled::ToEnd));
            }
            if !encoder.push(&record)? {
                return Ok((encoder, Filled::Full));
            }
        }
    }
    Ok((encoder, Filled::NotYet))
}

fn records(batch: &RecordBatch) -> Result<Vec<HistoryRecord>, ReadError> {
    columns::records(batch).ok_or_else(columns_mismatch)
}

fn columns_mismatch() -> ReadError {
    ReadError::corrupt("columns are not those of a history file")
}

/// The first of those with the largest timestamp.
fn latest(stamps: Vec<(Offset, Timestamp)>) -> Option<(Offset, Timestamp)> {
    stamps.into_iter().reduce(|best, stamp| if stamp.1 > best.1 { stamp } else { best })
}
