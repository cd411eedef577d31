//! Selects the batches of one partition's answer: whole batches, from the one that holds the fetch offset, within the
//! partition's budget. Pure.

use std::ops::Range;

use alluvium_model::Offset;
use alluvium_model::limits::LEADER_EPOCH;
use bytes::Bytes;

use super::LoadError;
use super::byte_budget::PartitionBudget;
use super::committed::empty_batch;
use super::offset_assignment::OffsetBatch;

/// Collects batches until the budget is used up.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The reader may see no batch that begins here or later.
    until: Offset,
    budget: PartitionBudget,
    selected: SelectedBatches,
    bytes: usize,
    /// Buffers and bytes selected before the block that is visited now.
    before_block: (usize, usize),
    /// Offsets of the batches left out since the last one selected.
    left_out: Option<Range<Offset>>,
}

/// The batches selected.
#[derive(Clone, Debug, Default)]
pub struct SelectedBatches {
    /// Whole batches in order, their headers re-based; one batch may take several buffers.
    pub records: Vec<Bytes>,
    /// The first offset after the last batch; `None` if nothing was selected.
    pub end: Option<Offset>,
}

impl Selection {
    /// An empty selection.
    #[must_use]
    pub fn new(until: Offset, budget: PartitionBudget) -> Self {
        Self { until, budget, selected: SelectedBatches::default(), bytes: 0, before_block: (0, 0), left_out: None }
    }

    /// Adds `next`, the batch that follows those offered before, if it fits. Returns whether another one may fit after
    /// it.
    pub fn offer(&mut self, next: &OffsetBatch) -> bool {
        let len = next.batch.len();
        let forced = self.budget.at_least_one && self.bytes == 0;
        if next.base >= self.until || (self.bytes + len > self.budget.bytes_max && !forced) {
            return false;
        }
        // Consumers get past a gap by what follows it.
        self.left_out = None;
        self.selected.records.extend(next.batch.rebased(next.base.0, LEADER_EPOCH));
        self.bytes += len;
        self.selected.end = Some(next.end);
        self.bytes < self.budget.bytes_max
    }

    /// Ends a block of `block_bytes` in memory, of which the batches offered since the last call are parts. If less
    /// than half of it was selected, that is copied out, so that the answer does not keep the whole block in memory.
    pub fn end_block(&mut self, block_bytes: usize) {
        let (buffers, bytes) = std::mem::replace(&mut self.before_block, (self.selected.records.len(), self.bytes));
        let selected = self.bytes - bytes;
        if selected > 0 && selected < block_bytes / 2 {
            let copy: Vec<u8> = self.selected.records.drain(buffers..).flatten().collect();
            self.selected.records.push(copy.into());
            self.before_block.0 = self.selected.records.len();
        }
    }

    /// Whether nothing was selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0 && self.left_out.is_none()
    }

    /// Leaves out `next`, the batch that follows those offered before, because its transaction was aborted. Returns
    /// whether the reader may see what follows.
    pub fn leave_out(&mut self, next: &OffsetBatch) -> bool {
        if next.base >= self.until {
            return false;
        }
        let start = self.left_out.as_ref().map_or(next.base, |left_out| left_out.start);
        self.left_out = Some(start..next.end);
        true
    }

    /// Ends the selection. If it ends with batches that were left out, one without records takes their place.
    ///
    /// # Errors
    /// Never, unless offsets cannot be encoded.
    pub fn into_batches(mut self) -> Result<SelectedBatches, LoadError> {
        if let Some(left_out) = self.left_out.take() {
            self.selected.records.push(empty_batch(left_out.start, left_out.end)?);
            self.selected.end = Some(left_out.end);
        }
        Ok(self.selected)
    }
}
