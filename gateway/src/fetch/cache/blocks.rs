//! Objects in aligned blocks: one load in flight per block, neighbours loaded together.
//!
//! At the tail a segment is one block, however large: it is no larger than two blocks as a rule, and whoever reads one of
//! its partitions is soon followed by readers of the others. In the backfill its runs are the blocks (`runs`). History
//! files are cut.
//!
//! The tail and the backfill have a cache each: whoever reads old records from end to end evicts only what other such
//! readers loaded.

use std::ops::Range;
use std::sync::Arc;

use alluvium_history::{RangedRead, SourceError};
use alluvium_model::{ObjectId, limits};
use alluvium_objects::Objects;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use quick_cache::sync::{Cache, DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tokio::sync::Semaphore;

use super::super::LoadError;
use super::runs::{LOADS_REMEMBERED_MAX, LoadsApart};
use crate::metrics::Metrics;

/// Neighbouring blocks loaded by one GET: 16 MiB, beyond which a second GET in parallel is faster.
const COALESCED_BLOCKS_MAX: usize = 4;
/// Loads in flight for one tier: with coalescing, at most 256 MiB on their way.
const LOADS_IN_FLIGHT_MAX: usize = 16;
/// What a block kept costs beyond its bytes.
const BLOCK_OVERHEAD_BYTES: u64 = 128;
/// Block number under which a whole object is kept.
pub(super) const WHOLE: u64 = u64::MAX;

pub(super) type BlockKey = (ObjectId, u64);
pub(super) type Guard<'a> =
    PlaceholderGuard<'a, BlockKey, Bytes, BlockBytes, DefaultHashBuilder, DefaultLifecycle<BlockKey, Bytes>>;

#[derive(Clone, Copy, Debug)]
pub(super) struct BlockBytes;

impl Weighter<BlockKey, Bytes> for BlockBytes {
    fn weight(&self, _key: &BlockKey, block: &Bytes) -> u64 {
        block.len() as u64 + BLOCK_OVERHEAD_BYTES
    }
}

/// Blocks of one tier. Clones share them.
#[derive(Clone)]
pub struct BlockCache {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) objects: Objects,
    pub(super) blocks: Cache<BlockKey, Bytes, BlockBytes>,
    pub(super) loads_apart: Cache<ObjectId, LoadsApart>,
    pub(super) bytes_max: u64,
    block_bytes: u64,
    loads: Semaphore,
    pub(super) metrics: Metrics,
}

impl BlockCache {
    /// Keeps up to `bytes_max`, in blocks of the usual size.
    #[must_use]
    pub fn new(objects: Objects, bytes_max: u64, metrics: Metrics) -> Self {
        Self::with_blocks(objects, bytes_max, limits::CACHE_BLOCK_BYTES, metrics)
    }

    /// Keeps up to `bytes_max`, in blocks of `block_bytes`.
    #[must_use]
    pub fn with_blocks(objects: Objects, bytes_max: u64, block_bytes: u64, metrics: Metrics) -> Self {
        // One shard: a shard's share of the budget has to hold whole blocks, and a lookup is nothing against what follows.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(bytes_max / block_bytes).unwrap_or(usize::MAX).clamp(1, 1 << 16))
            .weight_capacity(bytes_max)
            .shards(1)
            .build()
            .expect("both capacities are given");
        let blocks =
            Cache::with_options(options, BlockBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        let loads = Semaphore::new(LOADS_IN_FLIGHT_MAX);
        let loads_apart = Cache::new(LOADS_REMEMBERED_MAX);
        Self { shared: Arc::new(Shared { objects, blocks, loads_apart, bytes_max, block_bytes, loads, metrics }) }
    }

    /// The bytes of `range` of an object that is loaded as a whole.
    pub async fn read_whole(&self, object: ObjectId, key: &str, range: Range<u64>) -> Result<Bytes, LoadError> {
        let whole = match self.shared.blocks.get_value_or_guard_async(&(object, WHOLE)).await {
            Ok(whole) => {
                self.shared.metrics.cache_hits.inc();
                whole
            }
            Err(guard) => {
                self.shared.metrics.cache_misses.inc();
                let _slot = self.slot().await?;
                let whole = self.shared.objects.get(key).await?;
                // An error means that the entry was removed meanwhile: the next reader loads it again.
                let _ = guard.insert(whole.clone());
                whole
            }
        };
        slice(&whole, range.start, range.end).ok_or_else(|| ends_before(key, range.end))
    }

    /// The bytes of `range` of an object of `size` bytes, in as many slices as it has blocks.
    pub async fn read(
        &self,
        object: ObjectId,
        key: &str,
        size: u64,
        range: Range<u64>,
    ) -> Result<Vec<Bytes>, LoadError> {
        if range.end > size {
            return Err(ends_before(key, range.end));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let block_bytes = self.shared.block_bytes;
        let numbers = range.start / block_bytes..(range.end - 1) / block_bytes + 1;
        let first = numbers.start;
        let blocks = self.blocks(object, key, size, numbers).await?;
        let slices = (first..).zip(blocks).map(|(number, block)| {
            let start = number * block_bytes;
            let from = range.start.max(start) - start;
            let to = (range.end - start).min(block_bytes);
            slice(&block, from, to).ok_or_else(|| ends_before(key, range.end))
        });
        slices.collect()
    }

    /// Bytes kept.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.blocks.weight()
    }

    /// Blocks in order. Guards are taken in ascending order only, so no two readers wait for one another.
    async fn blocks(
        &self,
        object: ObjectId,
        key: &str,
        size: u64,
        numbers: Range<u64>,
    ) -> Result<Vec<Bytes>, LoadError> {
        let mut blocks = Vec::new();
        let mut missing: Vec<(u64, Guard<'_>)> = Vec::new();
        for number in numbers {
            match self.shared.blocks.get_value_or_guard_async(&(object, number)).await {
                Ok(block) => {
                    self.shared.metrics.cache_hits.inc();
                    blocks.extend(self.load(key, size, std::mem::take(&mut missing)).await?);
                    blocks.push(block);
                }
                Err(guard) => {
                    self.shared.metrics.cache_misses.inc();
                    missing.push((number, guard));
                    if missing.len() == COALESCED_BLOCKS_MAX {
                        blocks.extend(self.load(key, size, std::mem::take(&mut missing)).await?);
                    }
                }
            }
        }
        blocks.extend(self.load(key, size, missing).await?);
        Ok(blocks)
    }

    /// Loads neighbouring blocks by one GET.
    async fn load(&self, key: &str, size: u64, missing: Vec<(u64, Guard<'_>)>) -> Result<Vec<Bytes>, LoadError> {
        let (Some((first, _)), Some((last, _))) = (missing.first(), missing.last()) else { return Ok(Vec::new()) };
        let block_bytes = self.shared.block_bytes;
        let range = first * block_bytes..((last + 1) * block_bytes).min(size);
        let _slot = self.slot().await?;
        let mut loaded = self.shared.objects.get_range(key, range).await?;
        let alone = missing.len() == 1;
        let mut blocks = Vec::with_capacity(missing.len());
        for (_, guard) in missing {
            let len = loaded.len().min(usize::try_from(block_bytes).unwrap_or(usize::MAX));
            let block = loaded.split_to(len);
            // Copied, so that one block kept does not keep its neighbours' memory.
            let block = if alone { block } else { Bytes::copy_from_slice(&block) };
            // An error means that the entry was removed meanwhile: the next reader loads it again.
            let _ = guard.insert(block.clone());
            blocks.push(block);
        }
        Ok(blocks)
    }

    pub(super) async fn slot(&self) -> Result<tokio::sync::SemaphorePermit<'_>, LoadError> {
        self.shared.loads.acquire().await.map_err(|closed| LoadError::Storage(closed.to_string()))
    }
}

pub(super) fn slice(block: &Bytes, from: u64, to: u64) -> Option<Bytes> {
    let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
    (from <= to && to <= block.len()).then(|| block.slice(from..to))
}

pub(super) fn ends_before(key: &str, end: u64) -> LoadError {
    LoadError::Corrupt(format!("object {key} ends before byte {end}"))
}

/// One object read through the cache: what history's reader works on.
pub struct Reader {
    /// The cache.
    pub cache: BlockCache,
    /// Which object.
    pub object: ObjectId,
    /// Where it is.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

impl RangedRead for Reader {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(async move {
            let mut slices = self.cache.read(self.object, &self.key, self.bytes, range).await?;
            if slices.len() == 1 {
                return Ok(slices.remove(0));
            }
            let mut whole = BytesMut::with_capacity(slices.iter().map(Bytes::len).sum());
            slices.iter().for_each(|slice| whole.extend_from_slice(slice));
            Ok(whole.freeze())
        })
    }
}
