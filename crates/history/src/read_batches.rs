//! Reads of a history file as Kafka record batches.

use std::ops::Range;

use alluvium_model::Offset;
use arrow_array::RecordBatch;
use bytes::Bytes;

use crate::batch_encoder::BatchEncoder;
use crate::decode::Columns;
use crate::file::records;
use crate::{HistoryFile, RangedRead, ReadError};

impl HistoryFile {
    /// Record batches (Kafka v2, uncompressed) from offset `from` on, of about `bytes_max` bytes, but at least one
    /// batch if `from` is before the end. The batches cover all offsets from `from` on without a gap, even if records
    /// are missing, so that a consumer always gets past the end of the file. Empty if `from` is at or past the end.
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

    /// Like [`Self::batches`], for the offsets `within` only.
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
            let Some(mut rows) = self.rows_from(source, next, encoder.bytes_left()).await? else {
                return Ok(encoder.finish_to(end)?);
            };
            // No more rows than offsets.
            let offsets = usize::try_from(end.since(next)).unwrap_or(usize::MAX);
            rows.rows.end = rows.rows.end.min(rows.rows.start.saturating_add(offsets));
            let encoded =
                self.decode(source, rows, Columns::Record, move |batches| encode(encoder, &batches, end)).await?;
            encoder = match encoded {
                (encoder, BatchProgress::Full) => return Ok(encoder.finish()),
                (encoder, BatchProgress::AtEnd) => return Ok(encoder.finish_to(end)?),
                (encoder, BatchProgress::NeedsRows) => encoder,
            };
            self.check_progress(next, encoder.next())?;
        }
    }

    fn check_progress(&self, before: Offset, after: Offset) -> Result<(), ReadError> {
        if before < after && after <= self.identity().offsets.end {
            Ok(())
        } else {
            Err(ReadError::corrupt("offsets do not rise"))
        }
    }
}

/// Why encoding stopped.
enum BatchProgress {
    /// The next record does not fit.
    Full,
    /// The next record is at or after the end offset.
    AtEnd,
    /// All rows are encoded, and more fit.
    NeedsRows,
}

/// Adds the records before `end` to the encoder.
fn encode(
    mut encoder: BatchEncoder,
    batches: &[RecordBatch],
    end: Offset,
) -> Result<(BatchEncoder, BatchProgress), ReadError> {
    for batch in batches {
        for record in records(batch)? {
            if record.offset < encoder.next() {
                return Err(ReadError::corrupt("offsets do not rise"));
            }
            if record.offset >= end {
                return Ok((encoder, BatchProgress::AtEnd));
            }
            if !encoder.push(&record)? {
                return Ok((encoder, BatchProgress::Full));
            }
        }
    }
    Ok((encoder, BatchProgress::NeedsRows))
}
