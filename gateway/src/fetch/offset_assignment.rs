//! Which offsets stored batches have: in a segment they follow from the extent's start, one after the other.
//!
//! Pure. What does not add up is corruption, never a panic.

use alluvium_model::{Extent, Offset};
use alluvium_wire::batch::{Batch, BatchError};

use super::LoadError;

/// A batch and the offsets that it takes.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Offset of its first record.
    pub base: Offset,
    /// The first offset after it.
    pub end: Offset,
    /// The batch as it is stored: its own base offset may say anything.
    pub batch: Batch,
}

/// The batches of a segment's extent with their offsets: those that the commit refused take none and are left out.
pub struct Placing<'a, I> {
    extent: &'a Extent,
    refused: &'a [u32],
    batches: I,
    number: u32,
    next: Offset,
}

impl<'a, I: Iterator<Item = Result<Batch, BatchError>>> Placing<'a, I> {
    /// `batches` are all of the run, in order.
    pub fn new(extent: &'a Extent, refused: &'a [u32], batches: I) -> Self {
        Self { extent, refused, batches, number: 0, next: extent.offsets.start }
    }

    fn place(&mut self, batch: Batch) -> Result<Placed, LoadError> {
        let records = u64::try_from(batch.header().record_count).unwrap_or(0);
        let (base, end) = (self.next, self.next.plus(records));
        if records == 0 || end > self.extent.offsets.end {
            return Err(LoadError::Corrupt(format!(
                "batch of {} records at offset {base}, the extent ends at {}",
                batch.header().record_count,
                self.extent.offsets.end
            )));
        }
        self.next = end;
        Ok(Placed { base, end, batch })
    }
}

impl<I: Iterator<Item = Result<Batch, BatchError>>> Iterator for Placing<'_, I> {
    type Item = Result<Placed, LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let batch = match self.batches.next() {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => return Some(Err(error.into())),
                None if self.next == self.extent.offsets.end => return None,
                None => {
                    let (next, end) = (self.next, self.extent.offsets.end);
                    // Once said, it is over.
                    self.next = end;
                    return Some(Err(LoadError::Corrupt(format!("batches end at offset {next}, the extent at {end}"))));
                }
            };
            let number = self.number;
            self.number = self.number.saturating_add(1);
            if self.refused.binary_search(&number).is_err() {
                return Some(self.place(batch));
            }
        }
    }
}

/// A history file's batch: its own header has its offsets.
#[must_use]
pub fn as_stored(batch: Batch) -> Placed {
    let header = batch.header();
    let base = Offset(header.base_offset);
    let end = base.plus(u64::try_from(i64::from(header.last_offset_delta) + 1).unwrap_or(0));
    Placed { base, end, batch }
}
