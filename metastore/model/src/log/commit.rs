//! The segment commit: which batches are appended to the log, at which offsets.
//!
//! Each batch is checked against the state that the batches before it left, across all segments of the call. Rejected
//! batches take no offset, and the extent lists their numbers; a run of only rejected batches has no extent. A segment
//! without any extent has no references: the commit that makes it known also retires it.

use std::{collections::BTreeMap, time::Duration};

use super::{BatchAck, BatchCommit, BatchRejection, Head, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome};
use crate::{
    Extent, ExtentSource, ObjectId, Offset, ProducerId, Timestamp, TopicPartition, limits,
    producer::{ProducerBatch, SequenceCheck, Window},
};

/// The rows that the commit has read: those of every partition and producer in its segments, if they exist.
#[derive(Clone, Debug, Default)]
pub struct CommitState {
    /// The heads of the partitions that exist.
    pub heads: BTreeMap<TopicPartition, Head>,
    /// The windows of the producers that have written to them.
    pub windows: BTreeMap<(TopicPartition, ProducerId), Window>,
}

/// The times that a commit depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitLimits {
    /// A segment older than this is rejected.
    pub age_max: Duration,
    /// The window of a producer that is idle for longer than this is ignored.
    pub producer_expiry: Duration,
    /// The time from retiring a segment that nothing refers to, to its deletion.
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

/// The results of a commit, and the rows that it writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The outcome of each segment, in order.
    pub outcomes: Vec<SegmentOutcome>,
    /// The new extents, in order.
    pub extents: Vec<(TopicPartition, Extent)>,
    /// The segments that become known: all but those that are too old.
    pub objects: Vec<ObjectCommit>,
    /// The heads that changed.
    pub heads: BTreeMap<TopicPartition, Head>,
    /// The producer windows that changed.
    pub windows: BTreeMap<(TopicPartition, ProducerId), Window>,
}

/// A segment that becomes known to the metastore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectCommit {
    /// Its id.
    pub id: ObjectId,
    /// Its size in bytes.
    pub bytes: u64,
    /// Number of extents that lie in it; if it is 0 the segment is retired at once.
    pub references: u32,
}

/// Decides the commit of `segments`, given in the order in which they were sealed.
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

/// The commit so far: a row that it has written takes precedence over the row that was read.
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
            // Nothing is written: it may have been committed before, its outcome trimmed since, and its extents be
            // live. If it was never committed, it is an orphan.
            let rejection = BatchRejection::SegmentTooOld { created, now: self.now };
            return SegmentOutcome { runs: segment.runs.iter().map(|run| rejected(run, rejection)).collect() };
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
            return rejected(run, BatchRejection::UnknownPartition);
        };
        let mut extent = OpenExtent::at(head.next);
        let mut batches = Vec::with_capacity(run.batches.len());
        for (number, batch) in (0u32..).zip(&run.batches) {
            let check = self.check_sequence(partition, batch);
            batches.push(match check {
                SequenceCheck::Append => {
                    let base = extent.append(batch);
                    self.update_window(partition, batch, base);
                    Ok(BatchAck { base, duplicate: false, timestamp: batch.timestamps.1 })
                }
                SequenceCheck::Duplicate { base, timestamp } => {
                    extent.rejected.push(number);
                    Ok(BatchAck { base, duplicate: true, timestamp })
                }
                SequenceCheck::Reject(error) => {
                    extent.rejected.push(number);
                    Err(error.into())
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
        let created = self.state.heads.get(&partition).map_or(self.now, |head| head.created);
        let unknown = || SequenceCheck::without_window(producer, created, self.now, self.limits.producer_expiry);
        self.window(partition, producer).map_or_else(unknown, |window| window.check(producer))
    }

    fn update_window(&mut self, partition: TopicPartition, batch: &BatchCommit, base: Offset) {
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

/// The extent of a run, while its batches are checked.
struct OpenExtent {
    start: Offset,
    next: Offset,
    timestamps: Option<(Timestamp, Timestamp)>,
    rejected: Vec<u32>,
}

impl OpenExtent {
    fn at(start: Offset) -> Self {
        Self { start, next: start, timestamps: None, rejected: Vec::new() }
    }

    fn append(&mut self, batch: &BatchCommit) -> Offset {
        let base = self.next;
        self.next = base.plus(batch.records.into());
        let (low, high) = self.timestamps.unwrap_or(batch.timestamps);
        self.timestamps = Some((low.min(batch.timestamps.0), high.max(batch.timestamps.1)));
        base
    }

    /// The extent of the run; `None` if every batch was rejected.
    fn close(self, object: ObjectId, run: &RunCommit) -> Option<Extent> {
        let position = run.position.clone();
        self.timestamps.map(|timestamps| Extent {
            offsets: self.start..self.next,
            object,
            bytes: position.end.saturating_sub(position.start),
            source: ExtentSource::Segment { position, rejected: self.rejected },
            records: self.next.since(self.start),
            timestamps,
        })
    }
}

/// The outcome of a run whose batches are all rejected for the same reason.
fn rejected(run: &RunCommit, rejection: BatchRejection) -> RunOutcome {
    RunOutcome { partition: run.partition, start: Offset(-1), batches: vec![Err(rejection); run.batches.len()] }
}
