//! The compaction task: plans what is ripe and runs the jobs, several at once.
//!
//! A planner hands jobs to workers through a short queue, so that planning goes on while jobs run. Jobs of one
//! partition run side by side on disjoint ranges of offsets.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alluvium_metastore::Error;
use alluvium_metastore::leases::LeaseKey;
use alluvium_model::{CompactionLoad, Extent, Offset, TopicPartition};
use alluvium_runtime::Clock;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::in_flight::InFlight;
use crate::job_results::JobResults;
use crate::plan::{self, Job, Selection};
use crate::planned_work::{PLAN_EXTENTS_MAX, PLAN_PARTITIONS_MAX, PlannedWork, WaitingMerges};
use crate::rewrite::{JobResult, Progress, Replaced, Rewriter};
use crate::tasks::{Task, TaskStatuses};
use crate::work::{Backlog, EndOffsets, PassLooks, PlanInput, Throughput, WorkIndex};
use crate::{CompactorConfig, Counters, Report};

/// Passes of a round over all work: each runs all jobs that it finds, and the last one finds none.
const PASSES_MAX: usize = 1_000;
/// Passes in a row that find only changed inputs: of an index that contradicts itself they find no end.
const STALE_PASSES_MAX: usize = 3;
/// Jobs whose bytes are rewritten by one pass, and merges that follow them, per job that runs at once. So a pass is short,
/// and partitions that become ripe meanwhile wait for no more than that; and the jobs that run at once are not kept waiting
/// for the planning of small partitions, whose reading takes about a millisecond each.
const PLAN_JOBS_PER_WORKER: usize = 2;
/// Pause between two announcements of the load. Heartbeats carry them, about as often.
const ANNOUNCEMENT_PAUSE: Duration = Duration::from_secs(1);
/// Results of batches that wait to be applied, per compactor; a job waits with its next one. Each has up to 2,000 extents.
const BATCHES_MAX: usize = 4;
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
    /// Wakes the planner when a job has ended, not after each of its batches: the more it finds at a time, the fewer jobs
    /// read the same segments.
    pub(crate) job_ended: Notify,
    /// Threads of normal priority, for the time in which the backlog is large.
    pub(crate) urgent_threads: OnceLock<Handle>,
    pub(crate) statuses: Arc<TaskStatuses>,
    pub(crate) throughput: Mutex<Throughput>,
}

impl CompactionTask {
    /// Compacts what is ripe, for ever. After a panic it may be called again.
    pub(crate) async fn run(&self) {
        self.in_flight.clear();
        self.throughput().stop();
        self.rewriter.leases.abandon(|key| matches!(key, LeaseKey::Partition(_))).await;
        self.index.request_survey();
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        futures::join!(self.plan_forever(jobs), self.work(queue), self.announce_load());
    }

    /// Runs the jobs of the queue, some at once.
    async fn work(&self, queue: mpsc::Receiver<QueuedJob>) {
        let queue = stream::unfold(queue, |mut queue| async move { Some((queue.recv().await?, queue)) });
        let mut results = self.results(queue.boxed());
        while let Some(result) = results.next().await {
            self.apply(result).await;
        }
    }

    async fn plan_forever(&self, queue: mpsc::Sender<QueuedJob>) {
        let mut merges = WaitingMerges::default();
        let merges_max = self.config.jobs_max.max(1) * PLAN_JOBS_PER_WORKER;
        loop {
            // Not when jobs begin: results are applied under the same lock, and jobs are not polled meanwhile.
            let is_late = self.index.backlog().await.is_late(self.clock.now());
            let Planned { mut jobs, is_full, failed } = self.plan(&mut merges).await;
            jobs.extend(merges.take(merges_max));
            // A full pass leaves partitions that are due, although it may have found nothing in those that it looked at.
            let is_idle = jobs.is_empty() && !is_full;
            for job in jobs {
                if queue.send(QueuedJob { job, is_late }).await.is_err() {
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

    /// Plans the partitions that are ripe, those first that have been for longest, up to the limits, or to the first
    /// failure. If slow ones are among them, small ones that soon will be come along: they mostly lie in the same segments.
    /// Rewrites come first, as they shorten the backlog; merges join the `merges` that wait.
    async fn plan(&self, merges: &mut WaitingMerges) -> Planned {
        let job_bytes_max = self.config.job_bytes_max();
        let jobs = u64::try_from(self.config.jobs_max.max(1) * PLAN_JOBS_PER_WORKER).unwrap_or(u64::MAX);
        let mut pass = PlannedWork::new(job_bytes_max.saturating_mul(jobs));
        let failed = self.plan_pass(&mut pass, !merges.is_full()).await.err();
        let is_full = pass.is_full();
        Planned { jobs: pass.into_jobs(job_bytes_max, merges), is_full, failed }
    }

    async fn plan_pass(&self, pass: &mut PlannedWork, with_merges: bool) -> Result<(), Error> {
        self.index.reassign().await;
        let (now, bytes_max) = (self.clock.now(), self.config.job_bytes_max());
        let looks = PassLooks { now, retry: now.plus(self.config.interval), bytes_max, with_merges };
        while !pass.is_full() {
            let Some(work) = self.index.plan_next(&self.in_flight, looks).await? else { break };
            pass.add(work);
        }
        if !pass.takes_others_along() {
            return Ok(());
        }
        let early = self.index.backlog().await.early(now, PLAN_PARTITIONS_MAX);
        for partition in early {
            if pass.is_full() {
                break;
            }
            pass.add(self.index.plan_early(partition, &self.in_flight, looks).await?);
        }
        Ok(())
    }

    /// The results of `jobs`, some of which run at once: of each of their batches, and of their ends.
    fn results<'a>(&'a self, jobs: BoxStream<'a, QueuedJob>) -> BoxStream<'a, JobResult> {
        let (progress, batches) = mpsc::channel(BATCHES_MAX);
        let running = jobs.map(move |job| self.run_job(job, progress.clone()).boxed());
        let running = running.buffer_unordered(self.config.jobs_max.max(1)).boxed();
        JobResults { running, batches, ended: None }.into_stream()
    }

    /// Runs a job: on threads of normal priority if much is waiting, or a partition is late.
    async fn run_job(&self, job: QueuedJob, results: mpsc::Sender<JobResult>) -> JobResult {
        let QueuedJob { job, is_late } = job;
        let is_much = self.counters.lag_bytes.load(Ordering::Relaxed) >= self.config.urgent_bytes;
        let is_urgent = is_much || is_late;
        let number = self.throughput().begin(self.clock.now(), job.level_0_bytes());
        let progress = Arc::new(Progress::new(number, &job, results));
        let result = match self.urgent_threads.get() {
            Some(threads) if is_urgent => {
                let (rewriter, running) = (self.rewriter.clone(), Arc::clone(&progress));
                let running = threads.spawn(async move { rewriter.run(&job, &running).await });
                match AbortOnDropHandle::new(running).await {
                    Ok(result) => result,
                    Err(stopped) => {
                        self.rewriter.leases.release(&progress.take_leases()).await;
                        progress.failed("a compaction", &stopped)
                    }
                }
            }
            _ => self.rewriter.run(&job, &progress).await,
        };
        JobResult { job: number, ..result }
    }

    /// Applies what a batch of a job, or its end, has changed.
    async fn apply(&self, result: JobResult) {
        let now = self.clock.now();
        let JobResult { job, report, broken, replaced, not_done, is_end } = result;
        let broken = self.note_broken(&broken);
        let mut backlog = self.index.backlog().await;
        for (partition, offsets) in &not_done {
            self.in_flight.remove(*partition, offsets);
            if broken.contains(partition) {
                backlog.look_at(*partition, now);
            } else {
                // Also if the inputs had changed: if they seem to change for ever, rewrites must not be repeated at once.
                backlog.failed(*partition, now.plus(self.config.interval));
            }
        }
        for Replaced { partition, offsets, inputs } in &replaced {
            self.in_flight.remove(*partition, offsets);
            backlog.compacted(*partition, inputs, now);
        }
        drop(backlog);
        let inputs = replaced.iter().flat_map(|replaced| &replaced.inputs);
        self.throughput().add(job, now, plan::lag(inputs).bytes);
        self.counters.count(&report);
        self.show_lag().await;
        if is_end {
            self.throughput().end(job, now);
            self.job_ended.notify_one();
        }
    }

    /// Notes inputs that cannot be read. Returns the partitions in which they are planned around from now on: those beyond
    /// the limit of what is remembered would be tried again at once.
    fn note_broken(&self, broken: &[(TopicPartition, Extent)]) -> BTreeSet<TopicPartition> {
        let noted = broken.iter().filter(|(partition, extent)| self.index.planner.set_broken(*partition, extent));
        noted.map(|(partition, _)| *partition).collect()
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
        let planned = InFlight::default();
        let mut backlog = Backlog::new(self.index.planner.policy());
        for topic in planner.topics().await? {
            for (partition, head) in planner.heads(&topic).await? {
                if pass.extents() >= PLAN_EXTENTS_MAX {
                    break;
                }
                let end = end_offsets.get(&partition).copied().unwrap_or(Offset(0)).min(head.stable);
                let selection = Selection::All;
                let (busy, bytes_max) = (planned.of(partition), u64::MAX);
                let input =
                    PlanInput { topic: &topic, partition, head, end, selection, bytes_max, in_flight: &busy, now };
                let work = planner.plan(input).await?;
                work.compactions().for_each(|compaction| planned.add(compaction));
                backlog.read(partition, &work.reading, now, now);
                pass.add(work);
            }
        }
        self.index.show_lag(&backlog);
        let mut merges = WaitingMerges::default();
        let mut jobs = pass.into_jobs(self.config.job_bytes_max(), &mut merges);
        jobs.extend(merges.take(usize::MAX));
        Ok(jobs)
    }

    /// Runs `jobs`.
    async fn run_jobs(&self, jobs: Vec<Job>, report: &mut Report) -> Pass {
        let mut pass = Pass::Nothing;
        let jobs = jobs.into_iter().map(|job| QueuedJob { job, is_late: false });
        let mut results = self.results(stream::iter(jobs).boxed());
        while let Some(JobResult { job, report: done, broken, is_end, .. }) = results.next().await {
            if is_end {
                self.throughput().end(job, self.clock.now());
            }
            let is_progress = done.files_written > 0 || !self.note_broken(&broken).is_empty();
            pass = match pass {
                _ if is_progress => Pass::Progress,
                Pass::Nothing if done.stale > 0 => Pass::Stale,
                pass => pass,
            };
            report.add(done);
        }
        pass
    }
}

/// A job that waits to be run.
struct QueuedJob {
    job: Job,
    /// Whether a partition had been due for too long when it was planned.
    is_late: bool,
}

/// What a pass over the partitions that are due has planned.
struct Planned {
    jobs: Vec<Job>,
    /// Whether it has come to its limits, so that more may be due.
    is_full: bool,
    failed: Option<Error>,
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
