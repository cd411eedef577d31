//! The fetch: look where records are, wait while there are too few, read them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alluvium_model::Offset;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::byte_budget::{Claim, Share, share};
use super::loader::Loader;
use super::locate::{Found, Located};
use super::memory_limiter::MemoryLimiter;
use super::read_plan::ReadPlan;
use super::selection::Selection;
use super::serve::Serving;
use super::{FetchError, FetchPartition, FetchPlan, FetchedPartition, LoadError};
use crate::metadata_cache::Tier;
use crate::metrics::Metrics;

/// Partitions of one fetch read at once: bounds what it holds in memory besides its answer.
const READS_AT_ONCE_MAX: usize = 8;

/// A fetch that has read for so long is answered with what it has: whoever asks waits no longer than 30 s as a rule, and
/// learns nothing from what he did not wait for. (Small old segments, say, each of which takes a round trip.)
const READ_TIME_MAX: Duration = Duration::from_secs(5);

/// The read path. Clones share it.
#[derive(Clone)]
pub struct Fetch {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) loader: Loader,
    pub(super) cold: MemoryLimiter,
    pub(super) serving: Serving,
    bytes_max: usize,
    metrics: Metrics,
}

impl Fetch {
    /// Reads through `loader`; one fetch answers at most `bytes_max`.
    #[must_use]
    pub fn new(loader: Loader, bytes_max: usize, metrics: Metrics) -> Self {
        let (cold, serving) = (MemoryLimiter::new(), Serving::new());
        Self { shared: Arc::new(Shared { loader, cold, serving, bytes_max, metrics }) }
    }

    /// Reads the partitions of `plan`, in its order, waiting as it says. Dropping the future cancels.
    pub async fn fetch(&self, mut plan: FetchPlan) -> Vec<FetchedPartition> {
        plan.max_bytes = plan.max_bytes.min(self.shared.bytes_max);
        let deadline = Instant::now() + plan.max_wait;
        let mut located = self.locate(&plan).await;
        if !is_enough(&plan, &located) && !plan.max_wait.is_zero() {
            self.shared.metrics.fetch_waits.inc();
            located = self.wait(&plan, deadline).await;
        }
        self.read(&plan, located).await
    }

    /// Bytes of memory that fetches of old records have claimed.
    #[must_use]
    pub fn cold_bytes_in_flight(&self) -> usize {
        self.shared.cold.in_flight()
    }

    /// Looks again at every change, until there is enough or the time is over.
    async fn wait(&self, plan: &FetchPlan, deadline: Instant) -> Vec<Located> {
        let watch = self.shared.loader.metadata_cache.watch(plan.partitions.iter().map(|asked| asked.partition));
        loop {
            // After the watch began: what changes from here on wakes it.
            let located = self.locate(plan).await;
            if is_enough(plan, &located) || timeout_at(deadline, watch.changed()).await.is_err() {
                return located;
            }
        }
    }

    async fn read(&self, plan: &FetchPlan, located: Vec<Located>) -> Vec<FetchedPartition> {
        let claim = |(asked, located): (&FetchPartition, &Located)| Claim {
            bytes_max: asked.max_bytes,
            available: located.available(),
        };
        let claims: Vec<Claim> = plan.partitions.iter().zip(&located).map(claim).collect();
        let (bytes_max, _memory) = self.shared.cold.pass(plan, &located).await;
        let shares = share(&claims, bytes_max);
        let read_plan = &read_plan(&located, &shares, bytes_max);
        let reads = plan.partitions.clone().into_iter().zip(located).zip(shares);
        // Shares go by what partitions are thought to have from the offset on; a batch that holds the offset can be much more.
        let taken = &AtomicUsize::new(0);
        let due = Instant::now() + READ_TIME_MAX;
        let fetched: Vec<FetchedPartition> = stream::iter(reads)
            .map(|((asked, located), share)| async move {
                let share = share.within(bytes_max.saturating_sub(taken.load(Ordering::Relaxed)));
                let fetched = self.read_one(plan, asked, located, share, read_plan, due).await;
                taken.fetch_add(fetched.bytes(), Ordering::Relaxed);
                fetched
            })
            .buffered(READS_AT_ONCE_MAX)
            .collect()
            .await;
        let failures = fetched.iter().filter(|partition| partition.error.is_some()).count();
        self.shared.metrics.fetch_failures.inc_by(failures as u64);
        self.shared.metrics.fetch_bytes.inc_by(fetched.iter().map(|partition| partition.bytes() as u64).sum());
        fetched
    }

    async fn read_one(
        &self,
        plan: &FetchPlan,
        asked: FetchPartition,
        located: Located,
        share: Share,
        read_plan: &ReadPlan,
        due: Instant,
    ) -> FetchedPartition {
        let Located { head, found } = located;
        let read = match found {
            Ok(found) if share.bytes_max > 0 || share.at_least_one => {
                self.records(plan, asked, found, share, read_plan, due).await
            }
            Ok(_) => Ok((Vec::new(), None)),
            Err(error) => Err(error),
        };
        let ((records, end), error) = match read {
            Ok(read) => (read, None),
            Err(error) => ((Vec::new(), None), Some(error)),
        };
        let head = head.map(|head| end.map_or(head, |end| head.reaching(end)));
        let unknown = Offset(-1);
        FetchedPartition {
            partition: asked.partition,
            error,
            high_watermark: head.map_or(unknown, |head| head.next),
            stable: head.map_or(unknown, |head| head.stable),
            log_start: head.map_or(unknown, |head| head.start),
            records,
        }
    }

    /// Reads what was found; where an object is gone, because it was swapped for another meanwhile, once more from where
    /// its records are now.
    async fn records(
        &self,
        plan: &FetchPlan,
        asked: FetchPartition,
        found: Found,
        share: Share,
        read_plan: &ReadPlan,
        due: Instant,
    ) -> Result<(Vec<Bytes>, Option<Offset>), FetchError> {
        let gone = match self.select(asked, &found, share, read_plan, due).await {
            Err(LoadError::Gone(reason)) => reason,
            read => return read.map_err(|error| self.failed(asked, error)),
        };
        tracing::info!(partition = %asked.partition, reason = gone, "looking again for records whose object is gone");
        let found = self.locate_again(plan, asked).await?;
        self.select(asked, &found, share, read_plan, due).await.map_err(|error| self.failed(asked, error))
    }

    /// What was taken before something failed is an answer; the failure is met again by who asks for what follows.
    async fn select(
        &self,
        asked: FetchPartition,
        found: &Found,
        share: Share,
        read_plan: &ReadPlan,
        due: Instant,
    ) -> Result<(Vec<Bytes>, Option<Offset>), LoadError> {
        let mut selection = Selection::new(found.until, share);
        let mut visit = |placed| {
            let go_on = selection.offer(&placed) && Instant::now() < due;
            Ok(if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        };
        let loader = &self.shared.loader;
        let walked =
            loader.walk(asked.partition, &found.extents, found.tier, asked.offset, read_plan, &mut visit).await;
        match walked {
            Err(error) if selection.is_empty() => Err(error),
            Ok(()) | Err(_) => Ok(selection.into_records()),
        }
    }

    fn failed(&self, asked: FetchPartition, error: LoadError) -> FetchError {
        tracing::warn!(partition = %asked.partition, offset = %asked.offset, %error, "records cannot be read");
        error.in_partition(asked.partition)
    }
}

/// What old records are read for `shares`: at the tail, segments are loaded whole anyway.
fn read_plan(located: &[Located], shares: &[Share], bytes_max: usize) -> ReadPlan {
    let old = located.iter().zip(shares).filter_map(|(located, share)| {
        let found = located.found.as_ref().ok().filter(|found| found.tier == Tier::Backfill)?;
        Some((found.extents.iter().map(Arc::as_ref), *share))
    });
    ReadPlan::new(old, bytes_max as u64)
}

/// Whether to answer now: there is enough, or something to be told.
fn is_enough(plan: &FetchPlan, located: &[Located]) -> bool {
    let wanted = plan.min_bytes.min(plan.max_bytes) as u64;
    let available: u64 = located.iter().map(Located::available).fold(0, u64::saturating_add);
    located.is_empty() || available >= wanted || located.iter().any(|located| located.found.is_err())
}
