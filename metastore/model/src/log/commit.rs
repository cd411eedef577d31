//! The segment commit: which batches join the log, at which offsets.
//!
//! A batch is judged against what the batches before it left, across all segments of the call. Refused batches take no
//! offset and are numbered in the extent; a run of nothing but refused batches has no extent, and a segment without any
//! extent has no reference: it is retired by the commit that made it known.

use std::{collections::BTreeMap, time::Duration};

use super::{BatchAck, BatchCommit, BatchRejection, Head, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome};
use crate::{
    Extent, ExtentSource, ObjectId, Offset, ProducerId, Timestamp, TopicPartition, limits,
    producer::{ProducerBatch, SequenceCheck, Window},
};

/// What the commit reads: the rows of every partition and producer that its segments name, where they exist.
#[derive(Clone, Debug, Default)]
pub struct CommitState {
    /// Partitions that exist.
    pub heads: BTreeMap<TopicPartition, Head>,
    /// Producers that have written to them.
    pub windows: BTreeMap<(TopicPartition, ProducerId), Window>,
}

/// Numbers that a commit obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitLimits {
    /// A segment older than this is refused.
    pub age_max: Duration,
    /// An idle producer is forgotten after this.
    pub producer_expiry: Duration,
    /// From retiring a segment that nothing references to its deletion.
    pub retire_grace: Duration,
}

impl Default for CommitLimits {
    fn default() -> Self {
        Self {
            age_max: limits::COMMIT_AGE_MAX,
            producer_expiry: limits::PRODUCER_EXPIRY,
            retire_grace: limits::RETIRE_GRACE,
        }
    }
}

/// What a commit answers and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// One for each segment, in order.
    pub outcomes: Vec<SegmentOutcome>,
    /// New extents, in order.
    pub extents: Vec<(TopicPartition, Extent)>,
    /// The segments that are now known (not those that came too late).
    pub objects: Vec<ObjectCommit>,
    /// Heads that changed.
    pub heads: BTreeMap<TopicPartition, Head>,
    /// Producer windows that changed.
    pub windows: BTreeMap<(TopicPartition, ProducerId), Window>,
}

/// A segment as the metastore gets to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectCommit {
    /// Which.
    pub id: ObjectId,
    /// Its size.
    pub bytes: u64,
    /// Extents that lie in it; 0: retire it at once.
    pub references: u32,
}

/// Decides what becomes of `segments`, given in seal order.
#[must_use]
pub fn commit<'a>(
    state: &CommitState,
    segments: impl IntoIterator<Item = &'a SegmentCommit>,
    now: Timestamp,
    limits: &CommitLimits,
) -> Commit {
    let mut decision = Decision { state, limits, now, commit: Commit::default() };
    for segment in segments {
        let outcome = decision.segment(segment);
        decision.commit.outcomes.push(outcome);
    }
    decision.commit
}

/// The commit so far: what it wrote hides what it read.
struct Decision<'a> {
    state: &'a CommitState,
    limits: &'a CommitLimits,
    now: Timestamp,
    commit: Commit,
}

impl Decision<'_> {
    fn segment(&mut self, segment: &SegmentCommit) -> SegmentOutcome {
        let created = segment.object.created();
        if self.now > created.plus(self.limits.age_max) {
            // Nothing is written about it: its outcome may have been forgotten since it was committed, and its extents
            // be alive. If it never was, the orphan sweep finds it.
            let refusal = BatchRejection::SegmentTooOld { created, now: self.now };
            return SegmentOutcome { runs: segment.runs.iter().map(|run| refused(run, refusal)).collect() };
        }
        let extents_before = self.commit.extents.len();
        let runs = segment.runs.iter().map(|run| self.run(segment.object, run)).collect();
        let references = u32::try_from(self.commit.extents.len() - extents_before).unwrap_or(u32::MAX);
        self.commit.objects.push(ObjectCommit { id: segment.object, bytes: segment.bytes, references });
        SegmentOutcome { runs }
    }

    fn run(&mut self, object: ObjectId, run: &RunCommit) -> RunOutcome {
        let partition = run.partition;
        let Some(head) = self.commit.heads.get(&partition).or_else(|| self.state.heads.get(&partition)).copied() else {
            return refused(run, BatchRejection::UnknownPartition);
        };
        let mut extent = OpenExtent::at(head.next);
        let mut batches = Vec::with_capacity(run.batches.len());
        for (number, batch) in (0u32..).zip(&run.batches) {
            let check = self.check_sequence(partition, batch);
            batches.push(match check {
                SequenceCheck::Append => {
                    let base = extent.append(batch);
                    self.remember(partition, batch, base);
                    Ok(BatchAck { base, duplicate: false, timestamp: batch.timestamps.1 })
                }
                SequenceCheck::Duplicate { base, timestamp } => {
                    extent.refused.push(number);
                    Ok(BatchAck { base, duplicate: true, timestamp })
                }
                SequenceCheck::Reject(refusal) => {
                    extent.refused.push(number);
                    Err(refusal.into())
                }
            });
        }
        if let Some(extent) = extent.close(object, run) {
            self.commit.heads.insert(partition, head.appended(&extent));
            self.commit.extents.push((partition, extent));
        }
        RunOutcome { partition, start: head.start, batches }
    }

    fn check_sequence(&self, partition: TopicPartition, batch: &BatchCommit) -> SequenceCheck {
        let Some(producer) = &batch.producer else { return SequenceCheck::Append };
        self.window(partition, producer).map_or(SequenceCheck::Append, |window| window.check(producer))
    }

    fn remember(&mut self, partition: TopicPartition, batch: &BatchCommit, base: Offset) {
        let Some(producer) = &batch.producer else { return };
        let window = self.window(partition, producer).cloned();
        let window = Window::appended(window, producer, batch.records, base, batch.timestamps.1, self.now);
        self.commit.windows.insert((partition, producer.id), window);
    }

    fn window(&self, partition: TopicPartition, producer: &ProducerBatch) -> Option<&Window> {
        let key = (partition, producer.id);
        let stored = || self.state.windows.get(&key).filter(|w| !w.is_expired(self.now, self.limits.producer_expiry));
        self.commit.windows.get(&key).or_else(stored)
    }
}

/// The extent that a run makes, while its batches are judged.
struct OpenExtent {
    start: Offset,
    next: Offset,
    timestamps: Option<(Timestamp, Timestamp)>,
    refused: Vec<u32>,
}

impl OpenExtent {
    fn at(start: Offset) -> Self {
        Self { start, next: start, timestamps: None, refused: Vec::new() }
    }

    fn append(&mut self, batch: &BatchCommit) -> Offset {
        let base = self.next;
        self.next = base.plus(batch.records.into());
        let (low, high) = self.timestamps.unwrap_or(batch.timestamps);
        self.timestamps = Some((low.min(batch.timestamps.0), high.max(batch.timestamps.1)));
        base
    }

    /// `None` where every batch was refused.
    fn close(self, object: ObjectId, run: &RunCommit) -> Option<Extent> {
        let position = run.position.clone();
        self.timestamps.map(|timestamps| Extent {
            offsets: self.start..self.next,
            object,
            bytes: position.end.saturating_sub(position.start),
            source: ExtentSource::Segment { position, refused: self.refused },
            records: self.next.since(self.start),
            timestamps,
        })
    }
}

fn refused(run: &RunCommit, refusal: BatchRejection) -> RunOutcome {
    RunOutcome { partition: run.partition, start: Offset(-1), batches: vec![Err(refusal); run.batches.len()] }
}
