//! The head: the small row of a partition that says where its log begins and ends.

use crate::{Extent, Offset, Timestamp};

/// The head of one partition. It exists from the creation of the partition until its topic is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The offset that the next record gets; also Kafka's high watermark.
    pub next: Offset,
    /// Log start: the first offset that may still be read.
    pub start: Offset,
    /// The last stable offset: every transaction below it is committed or aborted, and a read-committed fetch ends
    /// here.
    pub stable: Offset,
    /// Sum of the bytes of all live extents.
    pub bytes: u64,
    /// Smallest timestamp of the oldest live extent, ms; `NONE` if there is no extent, or it holds no record.
    pub earliest: Timestamp,
}

impl Head {
    /// The head of a partition that never held a record.
    pub const EMPTY: Self =
        Self { next: Offset(0), start: Offset(0), stable: Offset(0), bytes: 0, earliest: Timestamp::NONE };

    /// Whether there is no record to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.next
    }

    /// The head after `extent`, which begins where this head ends, was appended.
    #[must_use]
    pub fn appended(self, extent: &Extent) -> Self {
        let next = extent.offsets.end;
        Self {
            next,
            start: self.start,
            stable: if self.stable == self.next { next } else { self.stable },
            bytes: self.bytes.saturating_add(extent.bytes),
            earliest: if self.is_empty() { extent.timestamps.0 } else { self.earliest },
        }
    }
}

impl Default for Head {
    fn default() -> Self {
        Self::EMPTY
    }
}
