//! Reads the located partitions of one fetch, within its budgets of bytes, memory and time.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alluvium_model::Offset;
use alluvium_model::log::transaction_end::AbortedTransaction;
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::admission::Admission;
use super::batch_visit::VisitBatches;
use super::byte_budget::{PartitionBudget, PartitionDemand, divide};
use super::committed::is_aborted;
use super::loader::PartitionRead;
use super::locate::{LocatedExtents, LocatedPartition};
use super::offset_assignment::OffsetBatch;
use super::read_plan::ReadPlan;
use super::selection::{SelectedBatches, Selection};
use super::{Fetch, FetchAnswer, FetchError, FetchPartition, FetchPlan, FetchedPartition, LoadError};

/// Partitions of one fetch read at the same time: bounds what the fetch holds in memory besides its answer.
const CONCURRENT_READS_MAX: usize = 8;

/// After reading for this long, a fetch returns what it has read. It may have many small old segments left, each of
/// which takes a round trip, and clients usually give up after 30 s.
const READ_TIME_MAX: Duration = Duration::from_secs(5);
/// Records that are not loaded after this time, the wait for memory included, are an error to the client, which tries
/// again.
const LOAD_TIME_MAX: Duration = Duration::from_secs(25);

/// What the partitions of one fetch share while they are read.
struct ReadContext<'a> {
    fetch: &'a Fetch,
    plan: &'a FetchPlan,
    read_plan: ReadPlan,
    /// Bytes of the answer at most.
    bytes_max: usize,
    /// Bytes of the answer so far. Budgets are divided by estimates, and a batch that holds the fetch offset may be
    /// much larger than the estimate.
    bytes_read: AtomicUsize,
    /// When to answer with what was read.
    deadline: Instant,
    /// When to answer even if nothing was read.
    load_deadline: Instant,
}

impl Fetch {
    /// Reads the partitions of `plan` from where `located` found their records.
    pub(super) async fn read(&self, plan: &FetchPlan, located: Vec<LocatedPartition>) -> FetchAnswer {
        let load_deadline = Instant::now() + LOAD_TIME_MAX;
        let Admission { bytes_max, mut memory } = self.admit(plan, &located).await;
        let demand = |(requested, located): (&FetchPartition, &LocatedPartition)| PartitionDemand {
            bytes_max: requested.max_bytes,
            available: if memory.is_some() { located.available() } else { 0 },
        };
        let demands: Vec<PartitionDemand> = plan.partitions.iter().zip(&located).map(demand).collect();
        let budgets = divide(&demands, bytes_max);
        let context = &ReadContext {
            fetch: self,
            plan,
            read_plan: self.plan_reads(&located, &budgets, bytes_max),
            bytes_max,
            bytes_read: AtomicUsize::new(0),
            deadline: Instant::now() + READ_TIME_MAX,
            load_deadline,
        };
        let reads = plan.partitions.clone().into_iter().zip(located).zip(budgets);
        let fetched: Vec<FetchedPartition> = stream::iter(reads)
            .map(|((requested, located), budget)| context.read_partition(requested, located, budget))
            .buffered(CONCURRENT_READS_MAX)
            .collect()
            .await;
        let failures = fetched.iter().filter(|partition| partition.error.is_some()).count();
        self.shared.metrics.fetch_failures.inc_by(failures as u64);
        let bytes: usize = fetched.iter().map(FetchedPartition::bytes).sum();
        self.shared.metrics.fetch_bytes.inc_by(bytes as u64);
        if let Some(memory) = &mut memory {
            memory.set(bytes);
        }
        FetchAnswer { partitions: fetched, memory }
    }

    fn plan_reads(&self, located: &[LocatedPartition], budgets: &[PartitionBudget], bytes_max: usize) -> ReadPlan {
        let reads = located.iter().zip(budgets).filter_map(|(located, budget)| {
            let located = located.extents.as_ref().ok()?;
            Some((located.tier, located.extents.iter().map(Arc::as_ref), *budget))
        });
        let loader = &self.shared.loader;
        let announced = |object| loader.metadata_cache.announced_segment(object);
        ReadPlan::new(reads, bytes_max as u64, loader.tail.bytes_max(), announced)
    }
}

impl ReadContext<'_> {
    async fn read_partition(
        &self,
        requested: FetchPartition,
        located: LocatedPartition,
        budget: PartitionBudget,
    ) -> FetchedPartition {
        let budget = budget.capped(self.bytes_max.saturating_sub(self.bytes_read.load(Ordering::Relaxed)));
        let LocatedPartition { head, extents } = located;
        let read = match extents {
            Ok(_) if budget.is_empty() || self.is_over(budget) => Ok(SelectedBatches::default()),
            Ok(extents) => self.read_records(requested, &extents, budget).await,
            Err(error) => Err(error),
        };
        let (selected, error) = match read {
            Ok(selected) => (selected, None),
            Err(error) => (SelectedBatches::default(), Some(error)),
        };
        let head = head.map(|head| selected.end.map_or(head, |end| head.extended_to(end)));
        let unknown = Offset(-1);
        let fetched = FetchedPartition {
            partition: requested.partition,
            error,
            high_watermark: head.map_or(unknown, |head| head.next),
            stable: head.map_or(unknown, |head| head.stable),
            log_start: head.map_or(unknown, |head| head.start),
            records: selected.records,
        };
        self.bytes_read.fetch_add(fetched.bytes(), Ordering::Relaxed);
        fetched
    }

    /// Whether the time is over for a partition with this `budget`: the first one with records has longer, as it must have
    /// some in the answer.
    fn is_over(&self, budget: PartitionBudget) -> bool {
        !budget.at_least_one && Instant::now() >= self.deadline
    }

    /// Reads `extents`. If an object is not found because the compactor has replaced it, locates the records again and
    /// retries once.
    async fn read_records(
        &self,
        requested: FetchPartition,
        extents: &LocatedExtents,
        budget: PartitionBudget,
    ) -> Result<SelectedBatches, FetchError> {
        let reason = match self.select(requested, extents, budget).await {
            Err(LoadError::NotFound(reason)) => reason,
            read => return read.map_err(|error| failed(requested, error)),
        };
        tracing::info!(partition = %requested.partition, reason, "object not found; locating its records again");
        // Others wait for what it holds meanwhile.
        let was_low = self.plan.priority.restore().await;
        let extents = self.fetch.locate_again(self.plan, requested).await?;
        if was_low {
            self.plan.priority.lower().await;
        }
        self.select(requested, &extents, budget).await.map_err(|error| failed(requested, error))
    }

    /// If loading fails after some batches were selected, these are the answer. The next fetch, which begins after
    /// them, gets the error.
    async fn select(
        &self,
        requested: FetchPartition,
        extents: &LocatedExtents,
        budget: PartitionBudget,
    ) -> Result<SelectedBatches, LoadError> {
        let selection = Selection::new(extents.until, budget);
        let mut selecting = Selecting { selection, aborted: &extents.aborted, deadline: self.deadline };
        let read = PartitionRead { partition: requested.partition, from: requested.offset, read_plan: &self.read_plan };
        let visit = self.fetch.shared.loader.visit_batches(read, &extents.extents, &mut selecting);
        let late = |_| Err(LoadError::Storage(format!("records are not loaded after {LOAD_TIME_MAX:?}")));
        let until = if budget.at_least_one { self.load_deadline } else { self.deadline };
        match timeout_at(until, visit).await.unwrap_or_else(late) {
            Err(_) if self.is_over(budget) => selecting.selection.into_batches(),
            Err(error) if selecting.selection.is_empty() => Err(error),
            Ok(()) | Err(_) => selecting.selection.into_batches(),
        }
    }
}

/// Selects batches until the time is over.
struct Selecting<'a> {
    selection: Selection,
    /// Transactions whose batches the reader must not see.
    aborted: &'a [AbortedTransaction],
    deadline: Instant,
}

impl VisitBatches for Selecting<'_> {
    fn visit(&mut self, batch: OffsetBatch) -> Result<ControlFlow<()>, LoadError> {
        let is_open = if is_aborted(&batch, self.aborted) {
            self.selection.leave_out(&batch)
        } else {
            self.selection.offer(&batch)
        };
        let is_continued = is_open && Instant::now() < self.deadline;
        Ok(if is_continued { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    fn end_block(&mut self, bytes: usize) {
        self.selection.end_block(bytes);
    }
}

fn failed(requested: FetchPartition, error: LoadError) -> FetchError {
    tracing::warn!(partition = %requested.partition, offset = %requested.offset, %error, "records cannot be read");
    error.in_partition(requested.partition)
}
