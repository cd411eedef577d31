//! Assigns offsets to stored batches. Pure.
//!
//! A segment's batches are stored as producers sent them, with base offsets that mean nothing. Their offsets follow
//! from the extent's start, batch after batch. Batches that do not add up to the extent are reported as corruption.

use alluvium_model::{Extent, Offset};
use alluvium_wire::batch::{Batch, BatchError};

use super::LoadError;

/// A batch and its offsets in the partition.
#[derive(Clone, Debug)]
pub struct OffsetBatch {
    /// Offset of the first record.
    pub base: Offset,
    /// The first offset after the last record.
    pub end: Offset,
    /// The batch as it is stored. If it comes from a segment, the base offset in its header means nothing.
    pub batch: Batch,
}

impl OffsetBatch {
    /// A batch of a history file, whose header has its offsets.
    #[must_use]
    pub fn from_header(batch: Batch) -> Self {
        let header = batch.header();
        let base = Offset(header.base_offset);
        let end = base.plus(u64::try_from(i64::from(header.last_offset_delta) + 1).unwrap_or(0));
        Self { base, end, batch }
    }
}

/// Iterates over the batches of a segment's extent with their offsets. Batches that the commit rejected have none and
/// are left out.
pub struct AssignOffsets<'a, I> {
    extent: &'a Extent,
    /// Ordinals in the run of the batches that the commit rejected, ascending.
    rejected: &'a [u32],
    batches: I,
    ordinal: u32,
    next: Offset,
}

impl<'a, I: Iterator<Item = Result<Batch, BatchError>>> AssignOffsets<'a, I> {
    /// `batches` are all batches of the run, in order.
    pub fn new(extent: &'a Extent, rejected: &'a [u32], batches: I) -> Self {
        Self { extent, rejected, batches, ordinal: 0, next: extent.offsets.start }
    }

    fn assign(&mut self, batch: Batch) -> Result<OffsetBatch, LoadError> {
        let records = u64::try_from(batch.header().record_count).unwrap_or(0);
        let (base, end) = (self.next, self.next.plus(records));
        if records == 0 || end > self.extent.offsets.end {
            return Err(LoadError::Corrupt(format!(
                "batch of {} records at offset {base}, but the extent ends at {}",
                batch.header().record_count,
                self.extent.offsets.end
            )));
        }
        self.next = end;
        Ok(OffsetBatch { base, end, batch })
    }
}

impl<I: Iterator<Item = Result<Batch, BatchError>>> Iterator for AssignOffsets<'_, I> {
    type Item = Result<OffsetBatch, LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let batch = match self.batches.next() {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => return Some(Err(error.into())),
                None if self.next == self.extent.offsets.end => return None,
                None => {
                    let (next, end) = (self.next, self.extent.offsets.end);
                    // The error is reported once; the next call returns None.
                    self.next = end;
                    return Some(Err(LoadError::Corrupt(format!(
                        "batches end at offset {next}, but the extent ends at {end}"
                    ))));
                }
            };
            let ordinal = self.ordinal;
            self.ordinal = self.ordinal.saturating_add(1);
            if self.rejected.binary_search(&ordinal).is_err() {
                return Some(self.assign(batch));
            }
        }
    }
}
