//! Putting the read path together.

use alluvium_objects::Objects;

use super::Fetch;
use super::cache::{BlockCache, HistoryCache, RecentSegments};
use super::loader::Loader;
use crate::agent::AgentConfig;
use crate::metrics::Metrics;
use crate::peers::Neighbours;
use crate::view::View;

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
    pub view: View,
    /// Where bytes are.
    pub objects: Objects,
    /// What this agent wrote lately.
    pub recent: RecentSegments,
    /// Who is asked before the object store.
    pub neighbours: Neighbours,
    /// Counts.
    pub metrics: Metrics,
}

/// The read path.
#[must_use]
pub fn start(config: &AgentConfig, parts: FetchParts) -> Fetch {
    let FetchParts { view, objects, recent, neighbours, metrics } = parts;
    let bytes = CacheBytes::divide(config.cache_bytes);
    let cache =
        |bytes_max| BlockCache::new(objects.clone(), bytes_max, metrics.clone()).with_neighbours(neighbours.clone());
    let loader = Loader {
        view,
        recent,
        tail: cache(bytes.tail),
        backfill: cache(bytes.backfill),
        history: HistoryCache::new(bytes.decoded, metrics.clone()),
        metrics: metrics.clone(),
    };
    Fetch::new(loader, config.fetch_bytes_max, metrics)
}
