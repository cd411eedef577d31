//! The write path as a state machine: events in, effects out, no I/O.
//!
//! ```text
//!         join           flush policy          slot free            done            front of the queue
//! batches ────► open ───────────────► sealed ───────────► uploading ────► uploaded ────────────────────► committing
//!                                        │                   │ failed                                      │ failed
//!                                        ▼                   ▼                                             ▼
//!                                      (answered with a retriable error, together with what depends on it)
//! ```
//!
//! If the metastore can take a commit beside the upload, a segment counts as uploaded here once it is written and
//! named, and keeps its slot until the upload ends; the commit then fails if the upload does.
//!
//! Invariants: commits start in seal order, one transaction at a time; an empty segment is never sealed; if a segment
//! fails, a later one that continues an idempotent producer's sequence in the same partition fails with it, and no
//! later batch of that producer joins until the failed one is sent again. So the commit never sees the later batches of
//! a new producer before the earlier ones.

use std::collections::{HashMap, VecDeque};

use alluvium_model::producer::Window;
use tokio::time::Instant;

use super::flush_budget::FlushBudget;
use super::gaps::Gaps;
use super::open_segment::{AppendId, AppendReply, Contents, OpenSegment, PendingBatch, SealReason, SegmentLimits};
use super::sequence::{FirstSequence, PartitionProducer, producer_of};
use super::{PartitionAppend, ProduceError};

/// Segments committed by one transaction: with their feed and outcome rows, still well under a transaction's bytes.
pub const COMMIT_SEGMENTS_MAX: usize = 16;

/// Limits of the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct PipelineLimits {
    /// Limits at which a segment is full.
    pub segment: SegmentLimits,
    /// Segments uploaded concurrently.
    pub uploads_in_flight_max: usize,
    /// Metastore rows that one commit touches, all its segments together.
    pub commit_rows_max: usize,
    /// Batches in one commit, all its segments together.
    pub commit_batches_max: usize,
    /// Segments in one commit.
    pub commit_segments_max: usize,
}

/// A segment to be uploaded.
#[derive(Debug)]
pub struct SealedSegment {
    /// Its number in seal order, within this process.
    pub number: u64,
    /// Why it was sealed.
    pub reason: SealReason,
    /// What is in it.
    pub contents: Contents,
}

/// An action for the event loop.
#[derive(Debug)]
pub enum Effect<U> {
    /// Upload this; report with [`SegmentPipeline::committable_from_now`] and [`SegmentPipeline::upload_ended`].
    Upload(SealedSegment),
    /// Commit these in one transaction, answer the appends, report with [`SegmentPipeline::committed`].
    Commit(Vec<CommitPart<U>>),
    /// Answer these batches with an error.
    Fail(Vec<AppendReply>, ProduceError),
    /// Read this producer's window from the metastore; report with [`SegmentPipeline::window_read`].
    ReadWindow(PartitionProducer),
}

/// One segment of a commit.
#[derive(Debug)]
pub struct CommitPart<U> {
    /// The result of the upload.
    pub uploaded: U,
    /// Which appends wait, in the order of the segment's batches.
    pub replies: Vec<AppendReply>,
}

/// The state of the write path. `U` is the result of an upload, which the commit needs.
#[derive(Debug)]
pub struct SegmentPipeline<U> {
    limits: PipelineLimits,
    budget: FlushBudget,
    open: OpenSegment,
    gaps: Gaps,
    queue: VecDeque<QueuedSegment<U>>,
    uploading: usize,
    /// Segments at the front of the queue that the commit in flight covers.
    committing: usize,
    sealed_ever: u64,
    draining: bool,
    failures: Vec<(Vec<AppendReply>, ProduceError)>,
    window_reads: Vec<PartitionProducer>,
}

/// A sealed segment in the queue, and its stage.
#[derive(Debug)]
struct QueuedSegment<U> {
    number: u64,
    rows: usize,
    batches: usize,
    producers: HashMap<PartitionProducer, FirstSequence>,
    replies: Vec<AppendReply>,
    stage: Stage<U>,
}

#[derive(Debug)]
enum Stage<U> {
    Sealed(SealedSegment),
    Uploading,
    Uploaded(U),
    Committing,
}

impl<U> SegmentPipeline<U> {
    /// An empty pipeline.
    #[must_use]
    pub fn new(limits: PipelineLimits, budget: FlushBudget) -> Self {
        Self {
            limits,
            budget,
            open: OpenSegment::default(),
            gaps: Gaps::default(),
            queue: VecDeque::new(),
            uploading: 0,
            committing: 0,
            sealed_ever: 0,
            draining: false,
            failures: Vec::new(),
            window_reads: Vec::new(),
        }
    }

    /// An append arrived: its batches join the open segment, which is sealed whenever it is full. Batches that come
    /// after a failed one of their producer are rejected.
    pub fn join(&mut self, append: AppendId, batches: Vec<PartitionAppend>, now: Instant) {
        for (index, PartitionAppend { partition, batch, transactional }) in batches.into_iter().enumerate() {
            let reply = AppendReply { append, index };
            let producer = producer_of(partition, &batch);
            if let Some(producer) =
                producer.filter(|producer| !self.gaps.admit(*producer, FirstSequence::of(&batch), now))
            {
                if self.gaps.is_read_due(producer, now) {
                    self.window_reads.push(producer);
                }
                self.failures.push((vec![reply], ProduceError::Gap));
                continue;
            }
            if let Some(reason) = self.open.full_for(partition, &batch, &self.limits.segment) {
                // A full segment does not wait for a token, but takes one if there is one.
                self.budget.take(now);
                self.seal(reason);
            }
            self.open.join(partition, PendingBatch { batch, transactional, reply });
        }
    }

    /// From now on the open segment is flushed without waiting for a token.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether no batch is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.queue.is_empty() && self.uploading == 0
    }

    /// When [`Self::advance`] should be called even if nothing happens until then.
    #[must_use]
    pub fn flush_at(&self, now: Instant) -> Option<Instant> {
        (!self.open.is_empty() && self.has_free_slot()).then(|| self.budget.ready_at(now))
    }

    /// Starts everything that can be started now, and returns it as effects.
    pub fn advance(&mut self, now: Instant) -> Vec<Effect<U>> {
        let mut effects: Vec<Effect<U>> =
            self.failures.drain(..).map(|(replies, error)| Effect::Fail(replies, error)).collect();
        effects.extend(self.window_reads.drain(..).map(Effect::ReadWindow));
        // Full segments first: the open one waits for an upload slot behind them.
        effects.extend(self.start_uploads());
        if !self.open.is_empty() && self.has_free_slot() {
            if self.draining {
                self.seal(SealReason::Drain);
            } else if self.budget.take(now) {
                self.seal(SealReason::Flush);
            }
            effects.extend(self.start_uploads());
        }
        effects.extend(self.start_commit());
        effects
    }

    /// This segment may be committed from now on.
    pub fn committable_from_now(&mut self, number: u64, uploaded: U) {
        // It may have failed meanwhile, together with an earlier one.
        if let Some(segment) = self.queue.iter_mut().find(|segment| segment.number == number) {
            segment.stage = Stage::Uploaded(uploaded);
        }
    }

    /// An upload ended. If it failed and the segment's commit has begun, that commit fails.
    pub fn upload_ended(&mut self, number: u64, outcome: Result<(), ProduceError>, now: Instant) {
        self.uploading -= 1;
        let Err(error) = outcome else { return };
        let Some(at) = self.queue.iter().position(|segment| segment.number == number) else { return };
        if matches!(self.queue[at].stage, Stage::Committing) {
            return;
        }
        let failed = self.queue.remove(at).expect("the position was just found");
        self.failures.push((failed.replies, error.clone()));
        self.fail_dependents(at, failed.producers, &error, now);
    }

    /// A producer's window was read from the metastore.
    pub fn window_read(&mut self, producer: PartitionProducer, window: &Window) {
        self.gaps.close_if_written(producer, window);
    }

    /// The commit in flight ended: the metastore decided on every batch of its first `decided` segments; those after
    /// them failed as `outcome` says. Their appends have been answered.
    pub fn committed(&mut self, decided: usize, outcome: Result<(), ProduceError>, now: Instant) {
        let failed: Vec<QueuedSegment<U>> = self.queue.drain(..self.committing).skip(decided).collect();
        self.committing = 0;
        if let Err(error) = outcome {
            let mut broken = HashMap::new();
            failed.into_iter().for_each(|segment| add(&mut broken, segment.producers));
            self.fail_dependents(0, broken, &error, now);
        }
    }

    fn has_free_slot(&self) -> bool {
        let waiting = self.queue.iter().any(|segment| matches!(segment.stage, Stage::Sealed(_)));
        !waiting && self.uploading < self.limits.uploads_in_flight_max
    }

    fn seal(&mut self, reason: SealReason) {
        let contents = self.open.seal();
        assert!(contents.batches > 0, "an empty segment is never sealed");
        let number = self.sealed_ever;
        self.sealed_ever += 1;
        self.queue.push_back(QueuedSegment {
            number,
            rows: contents.rows(),
            batches: contents.batches,
            producers: contents.producers.clone(),
            replies: contents.replies().collect(),
            stage: Stage::Sealed(SealedSegment { number, reason, contents }),
        });
    }

    fn start_uploads(&mut self) -> Vec<Effect<U>> {
        let free = self.limits.uploads_in_flight_max.saturating_sub(self.uploading);
        let waiting = self.queue.iter_mut().filter(|segment| matches!(segment.stage, Stage::Sealed(_)));
        let start = |segment: &mut QueuedSegment<U>| match std::mem::replace(&mut segment.stage, Stage::Uploading) {
            Stage::Sealed(segment) => Some(Effect::Upload(segment)),
            Stage::Uploading | Stage::Uploaded(_) | Stage::Committing => None,
        };
        let started: Vec<Effect<U>> = waiting.take(free).filter_map(start).collect();
        self.uploading += started.len();
        started
    }

    fn start_commit(&mut self) -> Option<Effect<U>> {
        if self.committing > 0 {
            return None;
        }
        let count = self.committable();
        let start = |segment: &mut QueuedSegment<U>| match std::mem::replace(&mut segment.stage, Stage::Committing) {
            Stage::Uploaded(uploaded) => Some(CommitPart { uploaded, replies: std::mem::take(&mut segment.replies) }),
            Stage::Sealed(_) | Stage::Uploading | Stage::Committing => None,
        };
        let parts: Vec<CommitPart<U>> = self.queue.iter_mut().take(count).filter_map(start).collect();
        self.committing = count;
        (count > 0).then_some(Effect::Commit(parts))
    }

    /// Segments at the front of the queue that one transaction may take now; the first always, if it is uploaded.
    fn committable(&self) -> usize {
        let (mut rows, mut batches, mut count) = (0, 0, 0);
        for segment in self.queue.iter().take(self.limits.commit_segments_max) {
            rows += segment.rows;
            batches += segment.batches;
            let fits = rows <= self.limits.commit_rows_max && batches <= self.limits.commit_batches_max;
            if !matches!(segment.stage, Stage::Uploaded(_)) || !(fits || count == 0) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Fails everything in the queue from `at` on, and in the open segment, that continues a sequence of `broken`.
    fn fail_dependents(
        &mut self,
        at: usize,
        mut broken: HashMap<PartitionProducer, FirstSequence>,
        error: &ProduceError,
        now: Instant,
    ) {
        if broken.is_empty() {
            return;
        }
        let behind = self.queue.split_off(at);
        for segment in behind {
            if !segment.producers.keys().any(|producer| broken.contains_key(producer)) {
                self.queue.push_back(segment);
            } else {
                add(&mut broken, segment.producers);
                self.failures.push((segment.replies, error.clone()));
            }
        }
        let removed = self.open.remove(&broken);
        if !removed.is_empty() {
            self.failures.push((removed, error.clone()));
        }
        for (producer, start) in broken {
            self.gaps.open(producer, start, now);
        }
    }
}

/// Adds `more` failed batches to `broken`, keeping the earliest of each producer.
fn add(broken: &mut HashMap<PartitionProducer, FirstSequence>, more: HashMap<PartitionProducer, FirstSequence>) {
    for (producer, start) in more {
        broken.entry(producer).and_modify(|known| *known = known.earlier(start)).or_insert(start);
    }
}
