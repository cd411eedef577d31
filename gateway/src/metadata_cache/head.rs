//! What of a partition's head the feed keeps up to date.

use alluvium_model::log::Head;
use alluvium_model::{Extent, Offset};

/// Where the log of one partition begins and ends. Its bytes are not among what the feed tells: ask the metastore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedHead {
    /// The offset that the next record gets.
    pub next: Offset,
    /// The first offset that may still be read.
    pub start: Offset,
    /// Everything below is decided.
    pub stable: Offset,
}

impl CachedHead {
    /// The head after `extent`.
    #[must_use]
    pub fn appended(self, extent: &Extent) -> Self {
        let next = extent.offsets.end;
        Self { next, stable: if self.stable == self.next { next } else { self.stable }, ..self }
    }

    /// The head as a reader learns it who was given records up to `end`. Beyond the end that was known these come from
    /// history of which the feed has not told yet, and history is stable.
    #[must_use]
    pub fn reaching(self, end: Offset) -> Self {
        if end > self.next { Self { next: end, stable: end, ..self } } else { self }
    }
}

impl From<Head> for CachedHead {
    fn from(head: Head) -> Self {
        Self { next: head.next, start: head.start, stable: head.stable }
    }
}
