//! What of the batches at hand goes into an answer: from the one that holds the offset asked for, whole ones only, within
//! the partition's share. Pure.

use alluvium_model::Offset;
use alluvium_model::limits::LEADER_EPOCH;
use bytes::Bytes;

use super::byte_budget::Share;
use super::offset_assignment::Placed;

/// The batches taken so far.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Readers may see no further.
    until: Offset,
    share: Share,
    records: Vec<Bytes>,
    bytes: usize,
    end: Option<Offset>,
}

impl Selection {
    /// Nothing yet.
    #[must_use]
    pub fn new(until: Offset, share: Share) -> Self {
        Self { until, share, records: Vec::new(), bytes: 0, end: None }
    }

    /// Takes `placed`, which is the next in order, if it may; whether one more might be taken after it.
    pub fn offer(&mut self, placed: &Placed) -> bool {
        let len = placed.batch.len();
        let forced = self.share.at_least_one && self.bytes == 0;
        if placed.base >= self.until || (self.bytes + len > self.share.bytes_max && !forced) {
            return false;
        }
        self.records.extend(placed.batch.rebased(placed.base.0, LEADER_EPOCH));
        self.bytes += len;
        self.end = Some(placed.end);
        self.bytes < self.share.bytes_max
    }

    /// Whether nothing was taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The rope, and the first offset after it.
    #[must_use]
    pub fn into_records(self) -> (Vec<Bytes>, Option<Offset>) {
        (self.records, self.end)
    }
}
