//! The fetch: locates records, waits while there are too few (a long poll), and reads them.

use tokio::time::{Instant, timeout_at};

use super::locate::LocatedPartition;
use super::{Fetch, FetchAnswer, FetchPlan};

impl Fetch {
    /// Reads the partitions of `plan`, in its order, after waiting up to `max_wait` for `min_bytes`, and for memory
    /// if it is short. Dropping the future cancels the fetch.
    pub async fn fetch(&self, mut plan: FetchPlan) -> FetchAnswer {
        plan.max_bytes = plan.max_bytes.min(self.shared.bytes_max);
        let located = self.locate_enough(&plan).await;
        self.read(&plan, located).await
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
                    let partitions = plan.partitions.iter().map(|requested| requested.partition);
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
