//! Objects in aligned blocks: one load in flight per block, peer_cache loaded together.
//!
//! At the tail a segment is one block, however large: it is no larger than two blocks as a rule, and whoever reads one of
//! its partitions is soon followed by readers of the others. In the backfill its runs are the blocks (`runs`). History
//! files are cut.
//!
//! The tail and the backfill have a cache each: whoever reads old records from end to end evicts only what other such
//! readers loaded.
//!
//! What is not here is asked for from the agent of the zone that owns it ([`PeerCache`]), where there is one, and loaded
//! from the object store otherwise. Only runs of old segments are not: they are as many as partitions, the partitions of a
//! zone are led by one agent each, and the compactor soon makes history of them.

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
use super::counted::counted;
use super::runs::{LOADS_REMEMBERED_MAX, LoadsApart};
use crate::metrics::Metrics;
use crate::peers::{BlockName, Loaded, OWNERSHIP_RANGE_BLOCKS, PeerCache};

/// Loads in flight for one tier: with coalescing, at most 256 MiB on their way.
const LOADS_IN_FLIGHT_MAX: usize = 16;
/// Objects of which is known that another agent gave a part of them, or gave a wrong one.
const OBJECTS_REMEMBERED_MAX: usize = 4_096;
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
    /// Who is asked before the object store; nobody where this answers them.
    peer_cache: Option<PeerCache>,
}

pub(super) struct Shared {
    pub(super) objects: Objects,
    pub(super) blocks: Cache<BlockKey, Bytes, BlockBytes>,
    pub(super) loads_apart: Cache<ObjectId, LoadsApart>,
    pub(super) bytes_max: u64,
    block_bytes: u64,
    loads: Semaphore,
    /// Objects that other agents gave blocks of, and whether those were wrong.
    served_by_peer: Cache<ObjectId, Trust>,
    pub(super) metrics: Metrics,
}

/// Whether other agents are asked for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// They have given parts of it.
    Given,
    /// What they gave was not what was written.
    Lost,
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
        let (loads_apart, served_by_peer) = (counted(LOADS_REMEMBERED_MAX), counted(OBJECTS_REMEMBERED_MAX));
        let shared = Shared { objects, blocks, loads_apart, bytes_max, block_bytes, loads, served_by_peer, metrics };
        Self { shared: Arc::new(shared), peer_cache: None }
    }

    /// The same blocks, where other agents are asked first.
    #[must_use]
    pub fn with_neighbours(&self, peer_cache: PeerCache) -> Self {
        Self { shared: Arc::clone(&self.shared), peer_cache: Some(peer_cache) }
    }

    /// The same blocks, where no other agent is asked: for what another agent asks.
    #[must_use]
    pub fn without_neighbours(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), peer_cache: None }
    }

    /// The bytes of `range` of a segment that is loaded as a whole.
    pub async fn read_whole(&self, object: ObjectId, key: &str, range: Range<u64>) -> Result<Bytes, LoadError> {
        let whole = self.whole(object, key).await?;
        slice(&whole, range.start, range.end).ok_or_else(|| ends_before(key, range.end))
    }

    /// A whole segment.
    pub async fn whole(&self, object: ObjectId, key: &str) -> Result<Bytes, LoadError> {
        let guard = match self.shared.blocks.get_value_or_guard_async(&(object, WHOLE)).await {
            Ok(whole) => {
                self.shared.metrics.cache_hits.inc();
                return Ok(whole);
            }
            Err(guard) => guard,
        };
        self.shared.metrics.cache_misses.inc();
        let store = async {
            let _slot = self.slot().await?;
            Ok::<Bytes, LoadError>(self.shared.objects.get(key).await?)
        };
        let whole = match &self.peer_cache {
            Some(peer_cache) => peer_cache.load(&BlockName::segment(object), store).await?.bytes,
            None => store.await?,
        };
        // An error means that the entry was removed meanwhile: the next reader loads it again.
        let _ = guard.insert(whole.clone());
        Ok(whole)
    }

    /// Whether a whole segment is here.
    #[must_use]
    pub fn has_whole(&self, object: ObjectId) -> bool {
        self.shared.blocks.peek(&(object, WHOLE)).is_some()
    }

    /// Whether the blocks that `range` of an object begins and ends in are here.
    #[must_use]
    pub fn has_range(&self, object: ObjectId, range: &Range<u64>) -> bool {
        let is_here = |at: u64| self.shared.blocks.peek(&(object, at / self.shared.block_bytes)).is_some();
        is_here(range.start) && is_here(range.end.saturating_sub(1))
    }

    /// What was read of an object of `size` bytes is not what was written: forgets its blocks, and asks no other agent for
    /// them again, if one has given any. Whether that is so, and it is worth reading once more: also for who had read the
    /// same a moment before they were forgotten.
    #[must_use]
    pub fn distrust(&self, object: ObjectId, size: u64) -> bool {
        if self.shared.served_by_peer.get(&object).is_none() {
            return false;
        }
        self.shared.served_by_peer.insert(object, Trust::Lost);
        (0..=size / self.shared.block_bytes).for_each(|number| {
            self.shared.blocks.remove(&(object, number));
        });
        true
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
            if number.is_multiple_of(OWNERSHIP_RANGE_BLOCKS) {
                blocks.extend(self.load(object, key, size, std::mem::take(&mut missing)).await?);
            }
            match self.shared.blocks.get_value_or_guard_async(&(object, number)).await {
                Ok(block) => {
                    self.shared.metrics.cache_hits.inc();
                    blocks.extend(self.load(object, key, size, std::mem::take(&mut missing)).await?);
                    blocks.push(block);
                }
                Err(guard) => {
                    self.shared.metrics.cache_misses.inc();
                    missing.push((number, guard));
                }
            }
        }
        blocks.extend(self.load(object, key, size, missing).await?);
        Ok(blocks)
    }

    /// Loads neighbouring blocks of one stretch together.
    async fn load(
        &self,
        object: ObjectId,
        key: &str,
        size: u64,
        missing: Vec<(u64, Guard<'_>)>,
    ) -> Result<Vec<Bytes>, LoadError> {
        let (Some((first, _)), Some((last, _))) = (missing.first(), missing.last()) else { return Ok(Vec::new()) };
        let block_bytes = self.shared.block_bytes;
        let mut loaded = self.load_range(object, key, first * block_bytes..(last + 1) * block_bytes, size).await?;
        let alone = missing.len() == 1;
        let mut blocks = Vec::with_capacity(missing.len());
        for (_, guard) in missing {
            let len = loaded.len().min(usize::try_from(block_bytes).unwrap_or(usize::MAX));
            let block = loaded.split_to(len);
            // Copied, so that one block kept does not keep its peer_cache' memory.
            let block = if alone { block } else { Bytes::copy_from_slice(&block) };
            // An error means that the entry was removed meanwhile: the next reader loads it again.
            let _ = guard.insert(block.clone());
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// The bytes of the blocks in `range`. The store is asked for all of the last one, beyond `size` as well: another agent
    /// may have said a wrong size, and no cut block is to be kept.
    async fn load_range(&self, object: ObjectId, key: &str, range: Range<u64>, size: u64) -> Result<Bytes, LoadError> {
        let within = range.start..range.end.min(size);
        let store = async {
            let _slot = self.slot().await?;
            let read = self.shared.objects.get_within(key, range).await?;
            let fits = read.len() as u64 == within.end - within.start;
            if fits { Ok(read) } else { Err(LoadError::Corrupt(format!("object {key} has other than {size} bytes"))) }
        };
        let trusted = self.shared.served_by_peer.get(&object) != Some(Trust::Lost);
        let name = BlockName::history(object, key, within.clone());
        let loaded = match (&self.peer_cache, name) {
            (Some(peer_cache), Ok(name)) if trusted => peer_cache.load(&name, store).await?,
            (Some(_) | None, Ok(_) | Err(_)) => Loaded::stored(store.await?),
        };
        // Another reader may have lost its trust meanwhile.
        if loaded.from_peer && self.shared.served_by_peer.get(&object).is_none() {
            self.shared.served_by_peer.insert(object, Trust::Given);
        }
        Ok(loaded.bytes)
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
