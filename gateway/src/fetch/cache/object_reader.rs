//! Reads one object through the block cache: the source of bytes for the reader of history files.

use std::ops::Range;

use alluvium_history::{RangedRead, SourceError};
use alluvium_model::ObjectId;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;

use super::block_cache::{BlockCache, ObjectRef};

/// An object in the block cache.
pub struct ObjectReader {
    /// The cache that the object is read through.
    pub cache: BlockCache,
    /// The object's id.
    pub object: ObjectId,
    /// The object's key, relative to the store's prefix.
    pub key: String,
    /// The object's size, bytes.
    pub bytes: u64,
}

impl RangedRead for ObjectReader {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(async move {
            let object = ObjectRef { id: self.object, key: &self.key };
            let mut slices = self.cache.read(object, self.bytes, range).await?;
            if slices.len() == 1 {
                return Ok(slices.remove(0));
            }
            let mut whole = BytesMut::with_capacity(slices.iter().map(Bytes::len).sum());
            slices.iter().for_each(|slice| whole.extend_from_slice(slice));
            Ok(whole.freeze())
        })
    }
}
