//! History files in the block cache: aligned blocks, loaded together if they are adjacent.

use std::ops::Range;

use alluvium_model::ObjectId;
use bytes::Bytes;

use super::super::LoadError;
use super::block_cache::{BlockCache, LoadGuard, ObjectRef, PeerBytes, ends_before, slice};
use crate::peers::{BlockName, LoadedBlock, OWNERSHIP_RANGE_BLOCKS};

impl BlockCache {
    /// The bytes of `range` of an object of `size` bytes: one slice for each block.
    pub async fn read(&self, object: ObjectRef<'_>, size: u64, range: Range<u64>) -> Result<Vec<Bytes>, LoadError> {
        if range.end > size {
            return Err(ends_before(object.key, range.end));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let block_bytes = self.shared.block_bytes;
        let numbers = range.start / block_bytes..(range.end - 1) / block_bytes + 1;
        let first = numbers.start;
        let blocks = self.blocks(object, size, numbers).await?;
        let slices = (first..).zip(blocks).map(|(number, block)| {
            let start = number * block_bytes;
            let from = range.start.max(start) - start;
            let to = (range.end - start).min(block_bytes);
            slice(&block, from, to).ok_or_else(|| ends_before(object.key, range.end))
        });
        slices.collect()
    }

    /// Whether the first and the last block of `range` of an object are cached.
    #[must_use]
    pub fn has_range(&self, object: ObjectId, range: &Range<u64>) -> bool {
        let is_cached = |at: u64| self.shared.blocks.peek(&(object, at / self.shared.block_bytes)).is_some();
        is_cached(range.start) && is_cached(range.end.saturating_sub(1))
    }

    /// Reports that the bytes read of an object of `size` bytes are corrupt. If another agent sent blocks of it,
    /// removes them, asks no other agent for this object again, and returns true: reading once more may help. That
    /// holds as well for a reader that had read the blocks just before they were removed.
    #[must_use]
    pub fn reject_peer_bytes(&self, object: ObjectId, size: u64) -> bool {
        if self.shared.peer_bytes.get(&object).is_none() {
            return false;
        }
        self.shared.peer_bytes.insert(object, PeerBytes::Rejected);
        (0..=size / self.shared.block_bytes).for_each(|number| {
            self.shared.blocks.remove(&(object, number));
        });
        true
    }

    /// The blocks `numbers` in order. Load guards are taken in ascending order only, so that no two readers wait for
    /// each other.
    async fn blocks(&self, object: ObjectRef<'_>, size: u64, numbers: Range<u64>) -> Result<Vec<Bytes>, LoadError> {
        let mut blocks = Vec::new();
        let mut missing: Vec<(u64, LoadGuard<'_>)> = Vec::new();
        for number in numbers {
            if number.is_multiple_of(OWNERSHIP_RANGE_BLOCKS) {
                blocks.extend(self.load(object, size, std::mem::take(&mut missing)).await?);
            }
            match self.shared.blocks.get_value_or_guard_async(&(object.id, number)).await {
                Ok(block) => {
                    self.shared.metrics.cache_hits.inc();
                    blocks.extend(self.load(object, size, std::mem::take(&mut missing)).await?);
                    blocks.push(block);
                }
                Err(guard) => {
                    self.shared.metrics.cache_misses.inc();
                    missing.push((number, guard));
                }
            }
        }
        blocks.extend(self.load(object, size, missing).await?);
        Ok(blocks)
    }

    /// Loads adjacent blocks of one ownership range together.
    async fn load(
        &self,
        object: ObjectRef<'_>,
        size: u64,
        missing: Vec<(u64, LoadGuard<'_>)>,
    ) -> Result<Vec<Bytes>, LoadError> {
        let (Some((first, _)), Some((last, _))) = (missing.first(), missing.last()) else { return Ok(Vec::new()) };
        let block_bytes = self.shared.block_bytes;
        let mut loaded = self.load_range(object, first * block_bytes..(last + 1) * block_bytes, size).await?;
        let is_alone = missing.len() == 1;
        let mut blocks = Vec::with_capacity(missing.len());
        for (_, guard) in missing {
            let len = loaded.len().min(usize::try_from(block_bytes).unwrap_or(usize::MAX));
            let block = loaded.split_to(len);
            // Copied, so that a cached block does not keep the memory of those loaded with it.
            let block = if is_alone { block } else { Bytes::copy_from_slice(&block) };
            let block = self.shared.live.track(block);
            // An error means that the entry was removed meanwhile: the next reader loads it again.
            let _ = guard.insert(block.clone());
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// The bytes of the blocks in `range`. The store is asked for all of the last block, even beyond `size`: another
    /// agent may have sent a wrong size, and a block that is cut off must not be cached.
    async fn load_range(&self, object: ObjectRef<'_>, range: Range<u64>, size: u64) -> Result<Bytes, LoadError> {
        let within = range.start..range.end.min(size);
        let store = async {
            let _permit = self.load_permit(range.end - range.start).await?;
            let read = self.shared.objects.get_within(object.key, range).await?;
            let fits = read.len() as u64 == within.end - within.start;
            if fits {
                Ok(read)
            } else {
                Err(LoadError::Corrupt(format!("object {} does not have {size} bytes", object.key)))
            }
        };
        let may_ask_peers = self.shared.peer_bytes.get(&object.id) != Some(PeerBytes::Rejected);
        let name = BlockName::history(object.id, object.key, within.clone());
        let loaded = match (&self.peer_cache, name) {
            (Some(peer_cache), Ok(name)) if may_ask_peers => peer_cache.load(&name, store).await?,
            (Some(_) | None, Ok(_) | Err(_)) => LoadedBlock::stored(store.await?),
        };
        // Not if it is known already: another reader may have rejected the object's blocks meanwhile.
        if loaded.from_peer && self.shared.peer_bytes.get(&object.id).is_none() {
            self.shared.peer_bytes.insert(object.id, PeerBytes::Accepted);
        }
        Ok(loaded.bytes)
    }
}
