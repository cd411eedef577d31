//! Selects the batches of one partition's answer: whole batches, from the one that holds the fetch offset, within the
//! partition's budget. Pure.

use alluvium_model::Offset;
use alluvium_model::limits::LEADER_EPOCH;
use bytes::Bytes;

use super::byte_budget::PartitionBudget;
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
        Self { until, budget, selected: SelectedBatches::default(), bytes: 0, before_block: (0, 0) }
    }

    /// Adds `next`, the batch that follows those offered before, if it fits. Returns whether another one may fit after
    /// it.
    pub fn offer(&mut self, next: &OffsetBatch) -> bool {
        let len = next.batch.len();
        let forced = self.budget.at_least_one && self.bytes == 0;
        if next.base >= self.until || (self.bytes + len > self.budget.bytes_max && !forced) {
            return false;
        }
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
        self.bytes == 0
    }

    /// Ends the selection.
    #[must_use]
    pub fn into_batches(self) -> SelectedBatches {
        self.selected
    }
}
