//! The compaction task: plans what is ripe and runs the jobs, several at once.
//!
//! A planner hands jobs to workers through a short queue, so that planning goes on while jobs run. Jobs of one
//! partition run side by side on disjoint ranges of offsets.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alluvium_metastore::Error;
use alluvium_metastore::leases::LeaseKey;
use alluvium_model::{CompactionLoad, Offset, Timestamp};
use alluvium_runtime::Clock;
use futures::{FutureExt, StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::in_flight::InFlight;
use crate::plan::{self, Job, Selection};
use crate::planned_work::{PLAN_EXTENTS_MAX, PLAN_PARTITIONS_MAX, PlannedWork};
use crate::rewrite::{JobResult, Rewriter};
use crate::tasks::{Task, TaskStatuses};
use crate::work::{Backlog, EndOffsets, PlanInput, Throughput, WorkIndex};
use crate::{CompactorConfig, Counters, Report};

/// Passes of a round over all work: each runs all jobs that it finds, and the last one finds none.
const PASSES_MAX: usize = 1_000;
/// Passes in a row that find only changed inputs: of an index that contradicts itself they find no end.
const STALE_PASSES_MAX: usize = 3;
/// Jobs whose bytes are planned at a time, per job that runs at once: large partitions do not wait until small ones are
/// planned, whose reading takes about a millisecond each.
const PLAN_JOBS_PER_WORKER: u64 = 2;
/// Pause between two announcements of the load. Heartbeats carry them, about as often.
const ANNOUNCEMENT_PAUSE: Duration = Duration::from_secs(1);
/// Jobs that wait until one of the running ones has finished.
const WAITING_MAX: usize = 1;

/// Plans and runs jobs.
pub(crate) struct CompactionTask {
    pub(crate) rewriter: Rewriter,
    pub(crate) index: Arc<WorkIndex>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) config: CompactorConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) in_flight: InFlight,
    /// Wakes the planner when a job has ended.
    pub(crate) job_ended: Notify,
    /// Threads of normal priority, for the time in which the backlog is large.
    pub(crate) urgent: OnceLock<Handle>,
    pub(crate) statuses: Arc<TaskStatuses>,
    pub(crate) throughput: Mutex<Throughput>,
}

impl CompactionTask {
    /// Compacts what is ripe, for ever. After a panic it may be called again.
    pub(crate) async fn run(&self) {
        self.in_flight.clear();
        self.rewriter.leases.abandon(|key| matches!(key, LeaseKey::Partition(_))).await;
        self.index.request_survey();
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        futures::join!(self.plan_forever(jobs), self.work(queue), self.announce_load());
    }

    /// Runs the jobs of the queue, some at once.
    async fn work(&self, queue: mpsc::Receiver<Job>) {
        let queue = stream::unfold(queue, |mut queue| async move { Some((queue.recv().await?, queue)) });
        let running = queue.map(|job| self.run_job(job).boxed()).buffer_unordered(self.config.jobs_max.max(1));
        let mut running = std::pin::pin!(running);
        while let Some((job, result)) = running.next().await {
            self.finish(job, result).await;
        }
    }

    async fn plan_forever(&self, queue: mpsc::Sender<Job>) {
        loop {
            let (jobs, failed) = self.plan().await;
            let is_idle = jobs.is_empty();
            for job in jobs {
                if queue.send(job).await.is_err() {
                    return;
                }
            }
            self.show_lag().await;
            if let Some(error) = &failed {
                let mut report = Report::default();
                report.fail("planning compactions", error);
                self.counters.count(&report);
            }
            if is_idle {
                if failed.is_none() && self.in_flight.is_empty() {
                    self.statuses.of(Task::Compaction).set_passed(self.clock.now());
                }
                // Whichever is first; the other one costs an early look.
                let _ = tokio::time::timeout(self.config.interval, self.job_ended.notified()).await;
            }
        }
    }

    /// Plans the partitions that are ripe, up to the limits, or to the first failure. If small ones are among them, those
    /// that soon will be come along: they mostly lie in the same segments. Rewrites come first, as they shorten the
    /// backlog.
    async fn plan(&self) -> (Vec<Job>, Option<Error>) {
        let now = self.clock.now();
        let retry = now.plus(self.config.interval);
        let jobs_max = u64::try_from(self.config.jobs_max.max(1)).unwrap_or(u64::MAX);
        let mut pass = PlannedWork::new(self.job_bytes_max().saturating_mul(jobs_max * PLAN_JOBS_PER_WORKER));
        let failed = self.plan_pass(&mut pass, now, retry).await.err();
        let jobs = pass.into_jobs(self.job_bytes_max());
        jobs.iter().for_each(|job| self.in_flight.add(job));
        (jobs, failed)
    }

    async fn plan_pass(&self, pass: &mut PlannedWork, now: Timestamp, retry: Timestamp) -> Result<(), Error> {
        while !pass.is_full() {
            let in_flight = |partition| self.in_flight.of(partition);
            let Some(work) = self.index.plan_next(in_flight, now, retry).await? else { break };
            pass.add(work);
        }
        if !pass.has_small() {
            return Ok(());
        }
        let early = self.index.backlog().await.early(now, PLAN_PARTITIONS_MAX);
        for partition in early {
            if pass.is_full() {
                break;
            }
            pass.add(self.index.plan_early(partition, &self.in_flight.of(partition), now, retry).await?);
        }
        Ok(())
    }

    /// Runs a job: on threads of normal priority if much is waiting.
    async fn run_job(&self, job: Job) -> (Job, JobResult) {
        let is_urgent = self.counters.lag_bytes.load(Ordering::Relaxed) >= self.config.urgent_bytes;
        let result = match self.urgent.get() {
            Some(threads) if is_urgent => {
                let (rewriter, job) = (self.rewriter.clone(), job.clone());
                let running = AbortOnDropHandle::new(threads.spawn(async move { rewriter.run(job).await }));
                running.await.unwrap_or_else(|stopped| JobResult::failed("a compaction", &stopped))
            }
            _ => self.rewriter.run(job.clone()).await,
        };
        (job, result)
    }

    async fn finish(&self, job: Job, result: JobResult) {
        let now = self.clock.now();
        self.in_flight.remove(&job);
        let mut backlog = self.index.backlog().await;
        for compaction in job.compactions() {
            let partition = compaction.partition;
            let is_broken = result.broken.iter().any(|(of, _)| *of == partition);
            // Back-off, also if the inputs had changed: if they seem to change for ever, rewrites must not be repeated
            // at once.
            backlog.look_at(partition, if is_broken { now } else { now.plus(self.config.interval) });
        }
        for (partition, extent) in &result.broken {
            self.index.planner.set_broken(*partition, extent);
        }
        for (partition, inputs) in &result.replaced {
            backlog.compacted(*partition, inputs);
        }
        drop(backlog);
        let replaced = result.replaced.iter().flat_map(|(_, inputs)| inputs);
        self.throughput().add(now, plan::lag(replaced).bytes);
        self.counters.count(&result.report);
        self.show_lag().await;
        self.job_ended.notify_one();
    }

    /// Announces the load of this compactor every now and then, for ever.
    async fn announce_load(&self) {
        loop {
            let now = self.clock.now();
            let waiting_bytes = self.index.backlog().await.waiting_bytes(now);
            let bytes_per_second = {
                let mut throughput = self.throughput();
                throughput.set_busy(now, waiting_bytes > 0);
                throughput.bytes_per_second(now)
            };
            let load = CompactionLoad { waiting_bytes, bytes_per_second };
            self.counters.set_load(load);
            self.rewriter.leases.announce(load);
            tokio::time::sleep(ANNOUNCEMENT_PAUSE).await;
        }
    }

    fn throughput(&self) -> MutexGuard<'_, Throughput> {
        self.throughput.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn show_lag(&self) {
        let backlog = self.index.backlog().await;
        self.statuses.of(Task::Compaction).set_backlog(self.index.show_lag(&backlog) + self.in_flight.partitions());
    }

    /// Compacts everything up to `end_offsets`, wherever it is assigned.
    pub(crate) async fn run_all(&self, end_offsets: &EndOffsets, report: &mut Report) {
        let mut stale_passes = 0;
        for _ in 0..PASSES_MAX {
            let jobs = self.plan_all(end_offsets).await.unwrap_or_else(|error| {
                report.fail("planning", &error);
                Vec::new()
            });
            match self.run_jobs(jobs, report).await {
                Pass::Progress => stale_passes = 0,
                Pass::Stale if stale_passes < STALE_PASSES_MAX => stale_passes += 1,
                Pass::Stale | Pass::Nothing => break,
            }
        }
    }

    async fn plan_all(&self, end_offsets: &EndOffsets) -> Result<Vec<Job>, Error> {
        let now = self.clock.now();
        let planner = &self.index.planner;
        let mut pass = PlannedWork::new(u64::MAX);
        let mut backlog = Backlog::new(self.index.planner.policy());
        for topic in planner.topics().await? {
            for (partition, head) in planner.heads(&topic).await? {
                if pass.extents() >= PLAN_EXTENTS_MAX {
                    break;
                }
                let end = end_offsets.get(&partition).copied().unwrap_or(Offset(0)).min(head.stable);
                let selection = Selection::All;
                let input = PlanInput { topic: &topic, partition, head, end, selection, in_flight: &[], now };
                let work = planner.plan(input).await?;
                backlog.read(partition, &work.reading, now, now);
                pass.add(work);
            }
        }
        self.index.show_lag(&backlog);
        Ok(pass.into_jobs(self.job_bytes_max()))
    }

    /// Bytes that a job of several compactions reads: what it holds in memory is about as much, as for one full file.
    fn job_bytes_max(&self) -> u64 {
        self.config.file_bytes_target.max(1)
    }

    /// Runs `jobs`.
    async fn run_jobs(&self, jobs: Vec<Job>, report: &mut Report) -> Pass {
        let mut pass = Pass::Nothing;
        let mut running =
            stream::iter(jobs).map(|job| self.run_job(job).boxed()).buffer_unordered(self.config.jobs_max.max(1));
        while let Some((_, JobResult { report: done, broken, .. })) = running.next().await {
            let is_progress = done.files_written > 0 || !broken.is_empty();
            pass = match pass {
                _ if is_progress => Pass::Progress,
                Pass::Nothing if done.stale > 0 => Pass::Stale,
                pass => pass,
            };
            for (partition, extent) in &broken {
                self.index.planner.set_broken(*partition, extent);
            }
            report.add(done);
        }
        pass
    }
}

/// What a pass over all partitions has done, and so whether another one may find more.
enum Pass {
    /// A file was swapped in, or inputs were found to be broken, which the next pass leaves out.
    Progress,
    /// Nothing but that inputs had changed meanwhile.
    Stale,
    /// Nothing.
    Nothing,
}
