//! Assembles the read path from its parts.

use alluvium_objects::Objects;

use super::Fetch;
use super::cache::{BlockCache, DecodedHistory};
use super::loader::Loader;
use crate::config::AgentConfig;
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use crate::peers::PeerCache;
use crate::recent_segments::RecentSegments;

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
    /// Counters of the read path.
    pub metrics: Metrics,
}

/// Builds the caches and the read path on top of them.
#[must_use]
pub fn start(config: &AgentConfig, parts: FetchParts) -> Fetch {
    let FetchParts { metadata_cache, objects, recent, peer_cache, metrics } = parts;
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
    Fetch::new(loader, config.fetch_bytes_max, metrics)
}
