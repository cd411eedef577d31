//! The part of a partition's head that the feed keeps up to date.

use alluvium_model::Offset;
use alluvium_model::log::Head;

/// Where the log of one partition begins and ends. The feed does not announce its size: ask the metastore for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedHead {
    /// The offset that the next record gets (high watermark).
    pub next: Offset,
    /// The first offset that may still be read (log start).
    pub start: Offset,
    /// Last stable offset: all transactions below it have ended.
    pub stable: Offset,
}

impl CachedHead {
    /// The head to answer with records up to `end`. Records beyond the known end come from history that the feed has
    /// not announced yet, and history is stable.
    #[must_use]
    pub fn extended_to(self, end: Offset) -> Self {
        if end > self.next { Self { next: end, stable: end, ..self } } else { self }
    }
}

impl From<Head> for CachedHead {
    fn from(head: Head) -> Self {
        Self { next: head.next, start: head.start, stable: head.stable }
    }
}
