//! A history file in the object store, as a source for its reader.

use std::ops::Range;

use alluvium_history::{RangedRead, SourceError};
use alluvium_objects::Objects;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

/// Ranged reads of one object, without a cache: a merge reads everything once.
pub(crate) struct ObjectSource {
    objects: Objects,
    key: String,
    bytes: u64,
}

impl ObjectSource {
    /// The object at `key`, of `bytes` bytes.
    pub(crate) fn new(objects: Objects, key: String, bytes: u64) -> Self {
        Self { objects, key, bytes }
    }
}

impl RangedRead for ObjectSource {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        async move { self.objects.get_range(&self.key, range).await.map_err(SourceError::from) }.boxed()
    }
}
