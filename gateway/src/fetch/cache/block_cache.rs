//! Blocks of objects in memory: keys, weights, the byte bound, and one load in flight per block.
//!
//! What a block is depends on the object, and has a file for each: of a segment, the whole or a run (`segments`); of a
//! history file, an aligned piece (`history_blocks`).
//!
//! The tail and old records have a cache each: a consumer that reads old records from end to end evicts only what other
//! such consumers loaded.
//!
//! A missing block is requested from the agent of the zone that owns it ([`PeerCache`]), if there is one, and else
//! loaded from the object store. Only runs of old segments are not requested from other agents: there are as many as
//! partitions, the partitions of a zone are led by one agent each, and the compactor soon turns them into history.

use std::sync::Arc;

use alluvium_model::{ObjectId, limits};
use alluvium_objects::Objects;
use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::LoadError;
use super::live_blocks::LiveBlocks;
use crate::bounded_cache;
use crate::metrics::Metrics;
use crate::peers::PeerCache;

/// Bytes of loads in flight for one cache: eight whole segments, or thousands of runs. Further loads wait. Counted in
/// bytes, so that many small loads from a slow store do not wait for each other.
const LOAD_BYTES_IN_FLIGHT_MAX: usize = 64 << 20;
/// Objects for which the cache remembers that another agent sent blocks of them.
const PEER_OBJECTS_MAX: usize = 4_096;
/// Segments for which the cache remembers which runs were loaded.
const SEGMENTS_WITH_LOADED_RUNS_MAX: usize = 4_096;
/// Memory that a cached block takes beyond its bytes.
const BLOCK_OVERHEAD_BYTES: u64 = 128;
/// The block number of a whole segment.
pub(super) const WHOLE: u64 = u64::MAX;

/// The object, and which block of it: [`WHOLE`], the byte at which a run starts, or the number of an aligned block.
pub(super) type BlockKey = (ObjectId, u64);

/// The right to load a block that is not cached. Other readers of the block wait until it is inserted or dropped.
pub(super) type LoadGuard<'a> =
    PlaceholderGuard<'a, BlockKey, Bytes, BlockWeight, DefaultHashBuilder, DefaultLifecycle<BlockKey, Bytes>>;

/// The runs of one segment that were loaded separately.
#[derive(Clone, Debug, Default)]
pub(super) struct LoadedRuns {
    /// The bytes at which the last of them start, the latest last.
    pub starts: Arc<Vec<u64>>,
    /// What they cost, bytes.
    pub cost: u64,
    /// Size of the whole segment, bytes.
    pub segment_bytes: u64,
}

/// The object that blocks are read from.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRef<'a> {
    /// The object's id.
    pub id: ObjectId,
    /// The object's key, relative to the store's prefix.
    pub key: &'a str,
}

/// Weighs a block by the memory it takes, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockWeight;

impl Weighter<BlockKey, Bytes> for BlockWeight {
    fn weight(&self, _key: &BlockKey, block: &Bytes) -> u64 {
        block.len() as u64 + BLOCK_OVERHEAD_BYTES
    }
}

/// Blocks of objects. Clones share them.
#[derive(Clone)]
pub struct BlockCache {
    pub(super) shared: Arc<BlockCacheState>,
    /// Asked before the object store; `None` if the blocks are for another agent, or this agent is alone.
    pub(super) peer_cache: Option<PeerCache>,
}

/// What the clones of [`BlockCache`] share.
pub(super) struct BlockCacheState {
    pub(super) objects: Objects,
    pub(super) blocks: Cache<BlockKey, Bytes, BlockWeight>,
    /// Which runs of a segment were loaded separately.
    pub(super) loaded_runs: Cache<ObjectId, LoadedRuns>,
    /// Counts the memory of blocks.
    pub(super) live: LiveBlocks,
    pub(super) bytes_max: u64,
    /// Size of an aligned block.
    pub(super) block_bytes: u64,
    /// Objects of which other agents sent blocks.
    pub(super) peer_bytes: Cache<ObjectId, PeerBytes>,
    pub(super) metrics: Metrics,
    loads: Semaphore,
}

/// Whether the blocks of an object that other agents sent were good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerBytes {
    /// Some are cached, and nothing is wrong with them so far.
    Accepted,
    /// They were corrupt. No other agent is asked for blocks of this object again.
    Rejected,
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
        let blocks_estimated = usize::try_from(bytes_max / block_bytes).unwrap_or(usize::MAX).clamp(1, 1 << 16);
        let shared = BlockCacheState {
            objects,
            blocks: bounded_cache::by_weight(bytes_max, blocks_estimated, BlockWeight),
            loaded_runs: bounded_cache::by_count(SEGMENTS_WITH_LOADED_RUNS_MAX),
            live: LiveBlocks::default(),
            bytes_max,
            block_bytes,
            peer_bytes: bounded_cache::by_count(PEER_OBJECTS_MAX),
            metrics,
            loads: Semaphore::new(LOAD_BYTES_IN_FLIGHT_MAX),
        };
        Self { shared: Arc::new(shared), peer_cache: None }
    }

    /// A handle to the same blocks that asks other agents before the object store.
    #[must_use]
    pub fn with_peers(&self, peer_cache: PeerCache) -> Self {
        Self { shared: Arc::clone(&self.shared), peer_cache: Some(peer_cache) }
    }

    /// A handle to the same blocks that asks no other agent: for blocks that another agent requested.
    #[must_use]
    pub fn without_peers(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), peer_cache: None }
    }

    /// Bytes cached.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.blocks.weight()
    }

    /// Bytes that the cache keeps at most.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.shared.bytes_max
    }

    /// Bytes of blocks in memory, those included that the cache has evicted and answers still refer to.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.shared.live.bytes()
    }

    /// Waits for a permit to load `bytes` from the object store.
    pub(super) async fn load_permit(&self, bytes: u64) -> Result<SemaphorePermit<'_>, LoadError> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).clamp(1, LOAD_BYTES_IN_FLIGHT_MAX);
        let permits = u32::try_from(bytes).expect("the limit fits");
        self.shared.loads.acquire_many(permits).await.map_err(|closed| LoadError::Storage(closed.to_string()))
    }
}

/// The bytes from `from` to `to` of `block`; `None` if it is shorter.
pub(super) fn slice(block: &Bytes, from: u64, to: u64) -> Option<Bytes> {
    let (from, to) = (usize::try_from(from).ok()?, usize::try_from(to).ok()?);
    (from <= to && to <= block.len()).then(|| block.slice(from..to))
}

/// The error for an object that is shorter than `end` bytes.
pub(super) fn ends_before(key: &str, end: u64) -> LoadError {
    LoadError::Corrupt(format!("object {key} ends before byte {end}"))
}
