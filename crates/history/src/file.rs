//! An open history file: opened once (the handle can be cached), then read at any offset. Reads as batches are in
//! `read_batches.rs`, searches by timestamp in `timestamps.rs`.

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{Offset, Timestamp};
use arrow_array::RecordBatch;

use crate::arrow_columns;
use crate::decode::{Columns, decode};
use crate::footer::Footer;
use crate::index::{Index, RowPosition, Rows};
use crate::{FileIdentity, HistoryRecord, RangedRead, ReadError};

/// An open file: its metadata, without any of its records. Cheap to clone and worth caching. Each read is given the
/// source.
#[derive(Clone)]
pub struct HistoryFile {
    metadata: Arc<Metadata>,
}

struct Metadata {
    footer: Footer,
    index: Index,
}

impl HistoryFile {
    /// Reads and verifies the footer.
    ///
    /// # Errors
    /// If it cannot be read, is corrupt, or is of an unknown version.
    pub async fn open(source: &dyn RangedRead) -> Result<Self, ReadError> {
        let footer = Footer::read(source).await?;
        let index = Index::new(Arc::clone(footer.parquet.metadata()), &footer.identity.offsets)
            .ok_or_else(|| ReadError::corrupt("row group statistics"))?;
        Ok(Self { metadata: Arc::new(Metadata { footer, index }) })
    }

    /// The topic, partition and offsets of the file.
    #[must_use]
    pub fn identity(&self) -> &FileIdentity {
        &self.metadata.footer.identity
    }

    /// Memory that the handle takes, in bytes, about: its weight in a cache.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Metadata>() + self.metadata.index.weight() + self.metadata.footer.checksums.weight()
    }

    /// The chunk of offsets around `at` whose records take about `bytes`. Every offset in a chunk gives the same chunk,
    /// so that readers share chunks wherever they start. Empty if `at` is not in the file.
    #[must_use]
    pub fn chunk(&self, at: Offset, bytes: usize) -> Range<Offset> {
        self.metadata.index.chunk(at, bytes, &self.identity().offsets)
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
        self.decode(source, rows, Columns::All, |batches| {
            batches.iter().map(records).collect::<Result<Vec<_>, _>>().map(|records| records.concat())
        })
        .await
    }

    pub(crate) fn index(&self) -> &Index {
        &self.metadata.index
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
