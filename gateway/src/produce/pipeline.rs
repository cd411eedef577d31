//! The write path as a state machine: events in, effects out, no I/O.
//!
//! ```text
//!           join            flush policy          slot free          done          front of the line
//! batches ───────► open ───────────────► sealed ───────────► uploading ───► uploaded ───────────────► committing ─► gone
//!                                          │                    │ failed                                   │ failed
//!                                          ▼                    ▼                                          ▼
//!                                      (answered with a retriable error, with what depends on it)
//! ```
//!
//! Invariants: commits start in seal order, one transaction at a time; nothing empty is sealed; where a segment fails, a
//! later one that continues an idempotent producer's sequence in the same partition fails with it, and none joins until the
//! failed one is sent again, so that the commit never sees the later batches of a new producer before the earlier ones.

use std::collections::{HashMap, VecDeque};

use alluvium_model::producer::Window;
use tokio::time::Instant;

use super::flush_budget::FlushBudget;
use super::gaps::{Gaps, Start};
use super::open_segment::{
    AppendId, AppendReply, Contents, OpenSegment, Pending, SealReason, SegmentLimits, Sequenced, sequenced,
};
use super::{PartitionAppend, ProduceError};

/// Segments committed by one transaction: with their feed and outcome rows, still well under a transaction's bytes.
pub const COMMIT_SEGMENTS_MAX: usize = 16;

/// What bounds the pipeline.
#[derive(Clone, Copy, Debug)]
pub struct PipelineLimits {
    /// When a segment is full.
    pub segment: SegmentLimits,
    /// Segments uploading at once.
    pub uploads_in_flight_max: usize,
    /// Rows that one commit touches, all its segments together.
    pub commit_rows_max: usize,
    /// Batches in one commit, all its segments together.
    pub commit_batches_max: usize,
    /// Segments in one commit.
    pub commit_segments_max: usize,
}

/// A segment to be uploaded.
#[derive(Debug)]
pub struct SealedSegment {
    /// Its place in the line: seal order within this process.
    pub number: u64,
    /// Why it was sealed.
    pub reason: SealReason,
    /// What is in it.
    pub contents: Contents,
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect<U> {
    /// Upload this; report with [`Pipeline::uploaded`].
    Upload(SealedSegment),
    /// Commit these in one transaction, answer who waits, report with [`Pipeline::committed`].
    Commit(Vec<CommitPart<U>>),
    /// Answer these with an error.
    Fail(Vec<AppendReply>, ProduceError),
    /// Find out what this producer has written; report with [`Pipeline::written`].
    Ask(Sequenced),
}

/// One segment of a commit.
#[derive(Debug)]
pub struct CommitPart<U> {
    /// What the upload reported.
    pub uploaded: U,
    /// Who waits, in the order of the segment's batches.
    pub replies: Vec<AppendReply>,
}

/// The state. `U` is what an upload reports and a commit needs.
#[derive(Debug)]
pub struct Pipeline<U> {
    limits: PipelineLimits,
    budget: FlushBudget,
    open: OpenSegment,
    gaps: Gaps,
    line: VecDeque<Place<U>>,
    uploading: usize,
    /// How many at the front of the line the commit in flight covers.
    committing: usize,
    sealed_ever: u64,
    draining: bool,
    failures: Vec<(Vec<AppendReply>, ProduceError)>,
    questions: Vec<Sequenced>,
}

/// A sealed segment and how far it has come.
#[derive(Debug)]
struct Place<U> {
    number: u64,
    rows: usize,
    batches: usize,
    producers: HashMap<Sequenced, Start>,
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

impl<U> Pipeline<U> {
    /// Nothing on its way.
    #[must_use]
    pub fn new(limits: PipelineLimits, budget: FlushBudget) -> Self {
        Self {
            limits,
            budget,
            open: OpenSegment::default(),
            gaps: Gaps::default(),
            line: VecDeque::new(),
            uploading: 0,
            committing: 0,
            sealed_ever: 0,
            draining: false,
            failures: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// An append arrived: its batches join the open segment, sealing it whenever it is full. Those that a failed batch has
    /// to precede do not.
    pub fn join(&mut self, append: AppendId, batches: Vec<PartitionAppend>, now: Instant) {
        for (index, PartitionAppend { partition, batch }) in batches.into_iter().enumerate() {
            let reply = AppendReply { append, index };
            let producer = sequenced(partition, &batch);
            if let Some(producer) = producer.filter(|producer| !self.gaps.admit(*producer, Start::of(&batch), now)) {
                if self.gaps.ask(producer, now) {
                    self.questions.push(producer);
                }
                self.failures.push((vec![reply], ProduceError::Gap));
                continue;
            }
            if let Some(reason) = self.open.full_for(partition, &batch, &self.limits.segment) {
                // A full segment does not wait for a token, but uses up one that is there.
                self.budget.take(now);
                self.seal(reason);
            }
            self.open.join(partition, Pending { batch, reply });
        }
    }

    /// Everything open is flushed from now on, whatever it costs.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether nothing is on its way any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.line.is_empty() && self.uploading == 0
    }

    /// When [`Self::advance`] should be called although nothing happened.
    #[must_use]
    pub fn flush_at(&self, now: Instant) -> Option<Instant> {
        (!self.open.is_empty() && self.has_free_slot()).then(|| self.budget.ready_at(now))
    }

    /// Does what can be done now.
    pub fn advance(&mut self, now: Instant) -> Vec<Effect<U>> {
        let mut effects: Vec<Effect<U>> =
            self.failures.drain(..).map(|(replies, error)| Effect::Fail(replies, error)).collect();
        effects.extend(self.questions.drain(..).map(Effect::Ask));
        // Full segments first: what is open waits for a slot behind them.
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

    /// An upload ended.
    pub fn uploaded(&mut self, number: u64, outcome: Result<U, ProduceError>, now: Instant) {
        self.uploading -= 1;
        // It may have failed with an earlier one meanwhile.
        let Some(at) = self.line.iter().position(|place| place.number == number) else { return };
        match outcome {
            Ok(uploaded) => self.line[at].stage = Stage::Uploaded(uploaded),
            Err(error) => {
                let failed = self.line.remove(at).expect("the position was just found");
                self.failures.push((failed.replies, error.clone()));
                self.fail_dependents(at, failed.producers, &error, now);
            }
        }
    }

    /// What a producer has written, as the metastore knows it.
    pub fn written(&mut self, producer: Sequenced, written: &Window) {
        self.gaps.learn(producer, written);
    }

    /// The commit in flight ended: of its first `decided` segments the metastore has judged every batch, those after them
    /// failed as `outcome` says. Who waited for them has been answered.
    pub fn committed(&mut self, decided: usize, outcome: Result<(), ProduceError>, now: Instant) {
        let failed: Vec<Place<U>> = self.line.drain(..self.committing).skip(decided).collect();
        self.committing = 0;
        if let Err(error) = outcome {
            let mut broken = HashMap::new();
            failed.into_iter().for_each(|place| add(&mut broken, place.producers));
            self.fail_dependents(0, broken, &error, now);
        }
    }

    fn has_free_slot(&self) -> bool {
        let waiting = self.line.iter().any(|place| matches!(place.stage, Stage::Sealed(_)));
        !waiting && self.uploading < self.limits.uploads_in_flight_max
    }

    fn seal(&mut self, reason: SealReason) {
        let contents = self.open.seal();
        assert!(contents.batches > 0, "an empty segment is never sealed");
        let number = self.sealed_ever;
        self.sealed_ever += 1;
        self.line.push_back(Place {
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
        let waiting = self.line.iter_mut().filter(|place| matches!(place.stage, Stage::Sealed(_)));
        let start = |place: &mut Place<U>| match std::mem::replace(&mut place.stage, Stage::Uploading) {
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
        let start = |place: &mut Place<U>| match std::mem::replace(&mut place.stage, Stage::Committing) {
            Stage::Uploaded(uploaded) => Some(CommitPart { uploaded, replies: std::mem::take(&mut place.replies) }),
            Stage::Sealed(_) | Stage::Uploading | Stage::Committing => None,
        };
        let parts: Vec<CommitPart<U>> = self.line.iter_mut().take(count).filter_map(start).collect();
        self.committing = count;
        (count > 0).then_some(Effect::Commit(parts))
    }

    /// How many segments at the front of the line one transaction may take now: the first always, if it is uploaded.
    fn committable(&self) -> usize {
        let (mut rows, mut batches, mut count) = (0, 0, 0);
        for place in self.line.iter().take(self.limits.commit_segments_max) {
            rows += place.rows;
            batches += place.batches;
            let fits = rows <= self.limits.commit_rows_max && batches <= self.limits.commit_batches_max;
            if !matches!(place.stage, Stage::Uploaded(_)) || !(fits || count == 0) {
                break;
            }
            count += 1;
        }
        count
    }

    /// Fails what stands at or after `at` in the line, or is open, and continues a sequence of `broken`.
    fn fail_dependents(
        &mut self,
        at: usize,
        mut broken: HashMap<Sequenced, Start>,
        error: &ProduceError,
        now: Instant,
    ) {
        if broken.is_empty() {
            return;
        }
        let behind = self.line.split_off(at);
        for place in behind {
            if !place.producers.keys().any(|producer| broken.contains_key(producer)) {
                self.line.push_back(place);
            } else {
                add(&mut broken, place.producers);
                self.failures.push((place.replies, error.clone()));
            }
        }
        let removed = self.open.remove(&broken);
        if !removed.is_empty() {
            self.failures.push((removed, error.clone()));
        }
        for (producer, start) in broken {
            self.gaps.note(producer, start, now);
        }
    }
}

/// Where what failed of each producer begins, with `more` that failed.
fn add(broken: &mut HashMap<Sequenced, Start>, more: HashMap<Sequenced, Start>) {
    for (producer, start) in more {
        broken.entry(producer).and_modify(|known| *known = known.earlier(start)).or_insert(start);
    }
}
