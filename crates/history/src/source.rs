//! The source of a history file's bytes: anything that serves ranged reads of an object of known size.

use std::ops::Range;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};

/// Why a source could not read. The reader returns it inside its own error.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Ranged reads of one immutable object: the object store itself, or a cache in front of it.
pub trait RangedRead: Send + Sync {
    /// Size of the whole object in bytes.
    fn size(&self) -> u64;

    /// The bytes of exactly `range`, which is within `0..size()` and not empty.
    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>>;

    /// Waits until what was read may be decoded; at once unless the source limits how many decode at the same time.
    /// Called while no read is in flight.
    fn ready_to_decode(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}
