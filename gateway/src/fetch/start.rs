//! Putting the read path together.

use alluvium_objects::Objects;

use super::Fetch;
use super::cache::{BlockCache, HistoryCache, RecentSegments};
use super::loader::Loader;
use crate::agent::AgentConfig;
use crate::metrics::Metrics;
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

/// The read path over what `recent` is filled with and `objects` hold.
#[must_use]
pub fn start(config: &AgentConfig, view: View, objects: Objects, recent: RecentSegments, metrics: Metrics) -> Fetch {
    let bytes = CacheBytes::divide(config.cache_bytes);
    let loader = Loader {
        view,
        recent,
        tail: BlockCache::new(objects.clone(), bytes.tail, metrics.clone()),
        backfill: BlockCache::new(objects, bytes.backfill, metrics.clone()),
        history: HistoryCache::new(bytes.decoded, metrics.clone()),
        metrics: metrics.clone(),
    };
    Fetch::new(loader, config.fetch_bytes_max, metrics)
}
