//! An open history file: opened once (the handle can be cached), then read at any offset. Reads as batches are in
//! `read_batches.rs`, searches by timestamp in `timestamps.rs`.

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{Offset, Timestamp, TopicPartition};
use arrow_array::RecordBatch;

use crate::arrow_columns;
use crate::decode::{Columns, decode};
use crate::footer::Footer;
use crate::index::{Index, RowPosition, Rows};
use crate::{FileIdentity, HistoryRecord, RangedRead, ReadError};

/// One partition of an open file: the file's metadata, without any of its records. Cheap to clone and worth caching.
/// Each read is given the source.
#[derive(Clone)]
pub struct HistoryFile {
    metadata: Arc<Metadata>,
    /// Position of the partition that is read, among those of the file.
    partition: usize,
}

struct Metadata {
    footer: Footer,
    /// Of each partition, in the order of the footer's identities; there is at least one.
    indices: Vec<Index>,
}

impl HistoryFile {
    /// Reads and verifies the footer. What is returned reads the first partition; [`Self::of`] another one.
    ///
    /// # Errors
    /// If it cannot be read, is corrupt, or is of an unknown version.
    pub async fn open(source: &dyn RangedRead) -> Result<Self, ReadError> {
        let footer = Footer::read(source).await?;
        let indices = Index::of_all(footer.parquet.metadata(), &footer.identities);
        let indices = indices.filter(|indices| !indices.is_empty());
        let indices = indices.ok_or_else(|| ReadError::corrupt("row group statistics"))?;
        Ok(Self { metadata: Arc::new(Metadata { footer, indices }), partition: 0 })
    }

    /// The partition `partition` of the same file; `None` if the file does not hold `offsets` of it, these and no other.
    #[must_use]
    pub fn holding(&self, partition: TopicPartition, offsets: &Range<Offset>) -> Option<Self> {
        self.of(partition).filter(|file| file.identity().offsets == *offsets)
    }

    /// What the file holds, for messages.
    #[must_use]
    pub fn contents(&self) -> String {
        let Range { start, end } = &self.identity().offsets;
        let first = format!("offsets {start} to {end} of {}", self.identity().partition);
        match self.identities().len() - 1 {
            0 => first,
            more => format!("{first} and {more} partitions more"),
        }
    }

    /// The partition `partition` of the same file; `None` if it is not in it.
    #[must_use]
    pub fn of(&self, partition: TopicPartition) -> Option<Self> {
        let at = self.identities().binary_search_by_key(&partition, |identity| identity.partition).ok()?;
        Some(Self { metadata: Arc::clone(&self.metadata), partition: at })
    }

    /// All partitions of the file, rising.
    #[must_use]
    pub fn identities(&self) -> &[FileIdentity] {
        &self.metadata.footer.identities
    }

    /// The topic and partition that are read, and their offsets.
    #[must_use]
    pub fn identity(&self) -> &FileIdentity {
        &self.identities()[self.partition]
    }

    /// Memory that the metadata of all partitions takes, in bytes, about: its weight in a cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        let Metadata { footer, indices } = &*self.metadata;
        let shared = footer.parquet.metadata().memory_size() + footer.checksums.weight();
        size_of::<Metadata>() + shared + indices.iter().map(Index::weight).sum::<usize>()
    }

    /// The chunk of offsets around `at` whose records take about `bytes`. Every offset in a chunk gives the same chunk,
    /// so that readers share chunks wherever they start. Empty if `at` is not in it.
    #[must_use]
    pub fn chunk(&self, at: Offset, bytes: usize) -> Range<Offset> {
        self.index().chunk(at, bytes, &self.identity().offsets)
    }

    /// Records from offset `from` on, of about `bytes_max` bytes of payload, but at least one if there is one.
    ///
    /// # Errors
    /// If the bytes cannot be read or are corrupt.
    pub async fn records(
        &self,
        source: &dyn RangedRead,
        from: Offset,
        bytes_max: usize,
    ) -> Result<Vec<HistoryRecord>, ReadError> {
        let Some(rows) = self.rows_from(source, from, bytes_max).await? else { return Ok(Vec::new()) };
        self.decode(source, rows, Columns::Record, |batches| {
            batches.iter().map(records).collect::<Result<Vec<_>, _>>().map(|records| records.concat())
        })
        .await
    }

    pub(crate) fn index(&self) -> &Index {
        &self.metadata.indices[self.partition]
    }

    /// Rows from the first record at or after `from` on that take about `bytes`; `None` if there is no such record.
    pub(crate) async fn rows_from(
        &self,
        source: &dyn RangedRead,
        from: Offset,
        bytes: usize,
    ) -> Result<Option<Rows>, ReadError> {
        let position = self.locate(source, from).await?;
        Ok(position.map(|(group, row)| self.index().rows_from(group, row, bytes)))
    }

    /// Row group and row of the first record at or after `from`.
    pub(crate) async fn locate(
        &self,
        source: &dyn RangedRead,
        from: Offset,
    ) -> Result<Option<(usize, usize)>, ReadError> {
        let Some(position) = self.index().locate(from) else { return Ok(None) };
        match position.ok_or_else(|| ReadError::corrupt("page index of offsets"))? {
            RowPosition::Exact { group, row } => Ok(Some((group, row))),
            RowPosition::Within(Rows { group, rows }) => {
                let start = rows.start;
                let rows = self.offset_timestamps(source, Rows { group, rows }).await?;
                let row = rows.iter().position(|(offset, _)| *offset >= from);
                let row = row.ok_or_else(|| ReadError::corrupt("page index of offsets"))?;
                Ok(Some((group, start + row)))
            }
        }
    }

    /// Offset and timestamp of each of `rows`.
    pub(crate) async fn offset_timestamps(
        &self,
        source: &dyn RangedRead,
        rows: Rows,
    ) -> Result<Vec<(Offset, Timestamp)>, ReadError> {
        self.decode(source, rows, Columns::OffsetAndTimestamp, |batches| {
            let pairs = |batch: &RecordBatch| {
                let (offsets, timestamps) = (arrow_columns::offsets(batch)?, arrow_columns::timestamps(batch)?);
                Some(offsets.iter().zip(timestamps).map(|(o, t)| (Offset(*o), Timestamp(*t))).collect::<Vec<_>>())
            };
            let pairs = batches.iter().map(pairs).collect::<Option<Vec<_>>>();
            pairs.map(|pairs| pairs.concat()).ok_or_else(columns_mismatch)
        })
        .await
    }

    pub(crate) async fn decode<T: Send + 'static>(
        &self,
        source: &dyn RangedRead,
        rows: Rows,
        columns: Columns,
        finish: impl FnOnce(Vec<RecordBatch>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let rows = Rows { group: self.index().group_in_file(rows.group), ..rows };
        decode(&self.metadata.footer, source, rows, columns, finish).await
    }
}

/// The records of a decoded batch of columns.
pub(crate) fn records(batch: &RecordBatch) -> Result<Vec<HistoryRecord>, ReadError> {
    arrow_columns::records(batch).ok_or_else(columns_mismatch)
}

fn columns_mismatch() -> ReadError {
    ReadError::corrupt("columns are not those of a history file")
}
