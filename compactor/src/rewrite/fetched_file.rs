//! A whole history file in memory.

use std::ops::Range;

use alluvium_history::{HistoryFile, RangedRead, SourceError};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

/// A shared file, read in one request: each of its parts alone would take one.
pub(super) struct FetchedFile {
    pub(super) bytes: Bytes,
    pub(super) file: HistoryFile,
}

/// The bytes of a file.
pub(super) struct Memory(pub(super) Bytes);

impl RangedRead for Memory {
    fn size(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let part = || {
            let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
            (start <= end && end <= self.0.len()).then(|| self.0.slice(start..end))
        };
        let read = part().ok_or_else(|| SourceError::from(format!("no bytes {range:?}")));
        async move { read }.boxed()
    }
}
