//! The fetch: locates records, waits while there are too few (a long poll), and reads them.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::loader::Loader;
use super::locate::LocatedPartition;
use super::memory_limiter::MemoryLimiter;
use super::peer_serving::ServingLimiter;
use super::{FetchPlan, FetchedPartition};
use crate::metrics::Metrics;

/// The read path. Clones share it.
#[derive(Clone)]
pub struct Fetch {
    pub(super) shared: Arc<FetchState>,
}

/// What the clones of [`Fetch`] share.
pub(super) struct FetchState {
    pub(super) loader: Loader,
    /// Bounds the memory of fetches that read old records.
    pub(super) cold_memory: MemoryLimiter,
    /// Bounds the blocks on their way to other agents.
    pub(super) serving: ServingLimiter,
    pub(super) metrics: Metrics,
    /// Bytes of one answer at most.
    bytes_max: usize,
}

impl Fetch {
    /// Reads through `loader`; one fetch answers at most `bytes_max`.
    #[must_use]
    pub fn new(loader: Loader, bytes_max: usize, metrics: Metrics) -> Self {
        let (cold_memory, serving) = (MemoryLimiter::new(), ServingLimiter::new());
        Self { shared: Arc::new(FetchState { loader, cold_memory, serving, metrics, bytes_max }) }
    }

    /// Reads the partitions of `plan`, in its order, after waiting for `min_bytes` as long as it says. Dropping the
    /// future cancels the fetch.
    pub async fn fetch(&self, mut plan: FetchPlan) -> Vec<FetchedPartition> {
        plan.max_bytes = plan.max_bytes.min(self.shared.bytes_max);
        let located = self.locate_enough(&plan).await;
        self.read(&plan, located).await
    }

    /// Bytes of memory that fetches of old records hold.
    #[must_use]
    pub fn cold_bytes_in_flight(&self) -> usize {
        self.shared.cold_memory.in_flight()
    }

    /// Locates the partitions of `plan`, and again at every change, until there is enough to answer or the time is
    /// over.
    async fn locate_enough(&self, plan: &FetchPlan) -> Vec<LocatedPartition> {
        let deadline = Instant::now() + plan.max_wait;
        let mut watch = None;
        loop {
            let located = self.locate(plan).await;
            if is_enough(plan, &located) || plan.max_wait.is_zero() {
                return located;
            }
            match &watch {
                // Only a fetch that has to wait pays for a watch. A change before the watch began wakes nobody, so the
                // partitions are located once more before the wait.
                None => {
                    self.shared.metrics.fetch_waits.inc();
                    let partitions = plan.partitions.iter().map(|asked| asked.partition);
                    watch = Some(self.shared.loader.metadata_cache.watch(partitions));
                }
                Some(watch) if timeout_at(deadline, watch.changed()).await.is_err() => return located,
                Some(_) => {}
            }
        }
    }
}

/// Whether to answer now: `min_bytes` are available, or there is an error to report.
fn is_enough(plan: &FetchPlan, located: &[LocatedPartition]) -> bool {
    let needed = plan.min_bytes.min(plan.max_bytes) as u64;
    let available: u64 = located.iter().map(LocatedPartition::available).fold(0, u64::saturating_add);
    located.is_empty() || available >= needed || located.iter().any(|located| located.extents.is_err())
}
