//! Putting the read path together.

use alluvium_objects::Objects;

use super::Fetch;
use super::cache::{BlockCache, HistoryCache};
use super::loader::Loader;
use crate::config::AgentConfig;
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use crate::peers::PeerCache;
use crate::recent_segments::RecentSegments;

/// How the memory for cached bytes is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBytes {
    /// What this agent wrote lately: where almost every reader reads.
    pub recent: u64,
    /// Blocks of what other agents wrote lately.
    pub tail: u64,
    /// Blocks of old objects.
    pub backfill: u64,
    /// Decoded history.
    pub decoded: u64,
}

impl CacheBytes {
    /// Divides `total`: half for what this agent wrote, a quarter for the backfill's two caches.
    #[must_use]
    pub fn divide(total: u64) -> Self {
        let eighth = total / 8;
        Self { recent: total - 4 * eighth, tail: eighth, backfill: 2 * eighth, decoded: eighth }
    }
}

/// What the read path works with.
pub struct FetchParts {
    /// Where records are.
    pub metadata_cache: MetadataCache,
    /// Where bytes are.
    pub objects: Objects,
    /// What this agent wrote lately.
    pub recent: RecentSegments,
    /// Who is asked before the object store.
    pub peer_cache: PeerCache,
    /// Counts.
    pub metrics: Metrics,
}

/// The read path.
#[must_use]
pub fn start(config: &AgentConfig, parts: FetchParts) -> Fetch {
    let FetchParts { metadata_cache, objects, recent, peer_cache, metrics } = parts;
    let bytes = CacheBytes::divide(config.cache_bytes);
    let cache =
        |bytes_max| BlockCache::new(objects.clone(), bytes_max, metrics.clone()).with_neighbours(peer_cache.clone());
    let loader = Loader {
        metadata_cache,
        recent,
        tail: cache(bytes.tail),
        backfill: cache(bytes.backfill),
        history: HistoryCache::new(bytes.decoded, metrics.clone()),
        metrics: metrics.clone(),
    };
    Fetch::new(loader, config.fetch_bytes_max, metrics)
}
