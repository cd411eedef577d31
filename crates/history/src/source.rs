//! Where a history file's bytes come from: anything that answers ranged reads of an object whose size is known.

use std::ops::Range;

use bytes::Bytes;
use futures::future::BoxFuture;

/// Why a source could not read; the reader passes it on.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Ranged reads of one immutable object: the object store itself, or a cache in front of it.
pub trait RangedRead: Send + Sync {
    /// Bytes of the whole object.
    fn size(&self) -> u64;

    /// The bytes of `range`, exactly; `range` lies within `0..size()` and is not empty.
    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>>;
}
