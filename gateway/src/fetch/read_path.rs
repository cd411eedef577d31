//! The handle of the read path, and how it is assembled from its parts.

use std::sync::Arc;

use alluvium_objects::Objects;

use super::cache::{BlockCache, DecodedHistory};
use super::loader::Loader;
use super::served_block::ServingLimiter;
use crate::config::AgentConfig;
use crate::memory::MemoryBudget;
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use crate::peers::PeerCache;
use crate::recent_segments::RecentSegments;

/// The read path. Clones share it.
#[derive(Clone)]
pub struct Fetch {
    pub(super) shared: Arc<FetchState>,
}

/// What the clones of [`Fetch`] share.
pub(super) struct FetchState {
    pub(super) loader: Loader,
    /// The memory of answers.
    pub(super) memory: MemoryBudget,
    /// Limits the blocks that are being sent to other agents.
    pub(super) serving: ServingLimiter,
    pub(super) metrics: Metrics,
    /// Bytes of one answer at most.
    pub(super) bytes_max: usize,
}

impl Fetch {
    /// Reads through `loader` with `memory`; one fetch answers at most `bytes_max`.
    #[must_use]
    pub fn new(loader: Loader, bytes_max: usize, memory: MemoryBudget, metrics: Metrics) -> Self {
        let serving = ServingLimiter::new(memory.clone());
        Self { shared: Arc::new(FetchState { loader, memory, serving, metrics, bytes_max }) }
    }

    /// Bytes of blocks in memory, those included that a cache has evicted and answers still hold.
    #[must_use]
    pub fn live_block_bytes(&self) -> u64 {
        self.shared.loader.tail.live_bytes() + self.shared.loader.cold.live_bytes()
    }
}

/// How the memory for caches is divided, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBytes {
    /// Segments that this agent wrote lately: almost every reader reads there.
    pub recent: u64,
    /// Segments that other agents wrote lately.
    pub tail: u64,
    /// Runs of old segments and blocks of history files.
    pub cold: u64,
    /// Decoded history.
    pub decoded: u64,
}

impl CacheBytes {
    /// Divides `total`: half for the recent segments, an eighth for the tail, three eighths for the two caches of old
    /// records.
    #[must_use]
    pub fn divide(total: u64) -> Self {
        let eighth = total / 8;
        Self { recent: total - 4 * eighth, tail: eighth, cold: 2 * eighth, decoded: eighth }
    }
}

/// What the read path is made of.
pub struct FetchParts {
    /// Topics, heads and extents.
    pub metadata_cache: MetadataCache,
    /// The object store.
    pub objects: Objects,
    /// Segments that this agent wrote lately.
    pub recent: RecentSegments,
    /// Other agents of the zone, asked before the object store.
    pub peer_cache: PeerCache,
    /// The memory of answers.
    pub memory: MemoryBudget,
    /// Counters of the read path.
    pub metrics: Metrics,
}

/// Builds the caches and the read path on top of them.
#[must_use]
pub fn start(config: &AgentConfig, parts: FetchParts) -> Fetch {
    let FetchParts { metadata_cache, objects, recent, peer_cache, memory, metrics } = parts;
    let bytes = CacheBytes::divide(config.cache_bytes);
    let cache = |bytes_max| BlockCache::new(objects.clone(), bytes_max, metrics.clone()).with_peers(peer_cache.clone());
    let loader = Loader {
        metadata_cache,
        recent,
        tail: cache(bytes.tail),
        cold: cache(bytes.cold),
        history: DecodedHistory::new(bytes.decoded, metrics.clone()),
        metrics: metrics.clone(),
    };
    Fetch::new(loader, config.fetch_bytes_max, memory, metrics)
}
