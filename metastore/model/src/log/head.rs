//! The head: what is stored about a partition as a whole, which says where its log begins and ends.

use crate::{Extent, Offset, Timestamp};

/// The head of one partition. It exists from the creation of the partition until its topic is deleted.
///
/// It is stored in two rows: a commit writes all but `start`; a trim writes `start`. Swaps write
/// neither. So swaps and trims never have to wait for commits, nor commits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The offset that the next record gets; also Kafka's high watermark.
    pub next: Offset,
    /// Log start: the first offset that may still be read.
    pub start: Offset,
    /// The last stable offset: every transaction below it is committed or aborted, and a read-committed fetch ends
    /// here.
    pub stable: Offset,
    /// Sum of the bytes of all extents that were ever appended. The size of the log is less by what trims and swaps
    /// removed.
    pub appended: u64,
    /// When the partition was created, ms.
    pub created: Timestamp,
}

impl Head {
    /// The head of a partition that never held a record and was created at time 0.
    pub const EMPTY: Self =
        Self { next: Offset(0), start: Offset(0), stable: Offset(0), appended: 0, created: Timestamp(0) };

    /// Whether there is no record to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.next
    }

    /// The head after `extent`, which begins where this head ends, was appended. `opened` is the first offset in it that
    /// a transaction wrote which had not written to the partition before.
    #[must_use]
    pub fn appended(self, extent: &Extent, opened: Option<Offset>) -> Self {
        let next = extent.offsets.end;
        Self {
            next,
            start: self.start,
            // No transaction is open: each one that is has a record between the stable offset and the end.
            stable: if self.stable == self.next { opened.unwrap_or(next) } else { self.stable },
            appended: self.appended.saturating_add(extent.bytes),
            created: self.created,
        }
    }
}

impl Default for Head {
    fn default() -> Self {
        Self::EMPTY
    }
}
