//! The segment commit: which batches are appended to the log, at which offsets.
//!
//! Each batch is checked against the state that the batches before it left, across all segments of the call. Rejected
//! batches take no offset, and the extent lists their numbers; a run of only rejected batches has no extent. A segment
//! without any extent has no references: the commit that makes it known also retires it.
//!
//! A transactional batch is checked against its producer's transaction as well. The first one in a partition opens the
//! transaction there: from its offset on nothing is stable until the transaction ends.

use std::{collections::BTreeMap, time::Duration};

use super::{BatchAck, BatchCommit, BatchRejection, Head, RunCommit, RunOutcome, SegmentCommit, SegmentOutcome};
use crate::{
    Extent, ExtentSource, ObjectId, Offset, ProducerId, Sequence, Timestamp, TopicPartition, limits,
    producer::{ProducerBatch, SequenceCheck, SequenceError, Window},
    transaction::{Transaction, TransactionVersion, joined, may_write},
};

/// The rows that the commit has read: those of every partition and producer in its segments, if they exist.
#[derive(Clone, Debug, Default)]
pub struct CommitState {
    /// The heads of the partitions that exist.
    pub heads: BTreeMap<TopicPartition, Head>,
    /// The windows of the producers that have written to them.
    pub windows: BTreeMap<(TopicPartition, ProducerId), Window>,
    /// The transactions of the producers that write transactional batches.
    pub transactions: BTreeMap<ProducerId, Transaction>,
    /// The partitions that belong to the open transactions of these producers, each with the offset of the first record
    /// that the transaction wrote there, if it has written any.
    pub transaction_partitions: BTreeMap<(TopicPartition, ProducerId), Option<Offset>>,
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
    /// The transactions that changed: they began, or have more partitions.
    pub transactions: BTreeMap<ProducerId, Transaction>,
    /// The partitions to which a transaction has written for the first time, with the offset of its first record.
    pub opened: BTreeMap<(TopicPartition, ProducerId), Offset>,
}

impl Commit {
    /// The stable offsets of those partitions that changed and in which transactions are open.
    #[must_use]
    pub fn unstable(&self) -> Vec<(TopicPartition, Offset)> {
        let unstable = self.heads.iter().filter(|(_, head)| head.stable < head.next);
        unstable.map(|(partition, head)| (*partition, head.stable)).collect()
    }
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
        let mut opened = None;
        for (number, batch) in (0u32..).zip(&run.batches) {
            batches.push(match self.check(partition, batch) {
                Ok(None) => {
                    let base = extent.append(batch);
                    self.update_window(partition, batch, base);
                    if self.open(partition, batch, base) {
                        opened.get_or_insert(base);
                    }
                    Ok(BatchAck { base, duplicate: false, timestamp: batch.timestamps.1 })
                }
                Ok(Some(duplicate)) => {
                    extent.rejected.push(number);
                    Ok(duplicate)
                }
                Err(rejection) => {
                    extent.rejected.push(number);
                    Err(rejection)
                }
            });
        }
        if let Some(extent) = extent.close(object, run) {
            self.commit.heads.insert(partition, head.appended(&extent, opened));
            self.commit.extents.push((partition, extent));
        }
        RunOutcome { partition, start: head.start, batches }
    }

    /// Whether the batch is to be appended; the acknowledgement of a batch that was appended before.
    fn check(&mut self, partition: TopicPartition, batch: &BatchCommit) -> Result<Option<BatchAck>, BatchRejection> {
        let sequence = self.check_sequence(partition, batch);
        if let SequenceCheck::Duplicate { base, timestamp } = sequence {
            // Its transaction may have ended since.
            return Ok(Some(BatchAck { base, duplicate: true, timestamp }));
        }
        // A producer that is fenced learns that first, whatever else is wrong.
        let transaction = self.check_transaction(partition, batch)?;
        if let SequenceCheck::Reject(error) = sequence {
            return Err(error.into());
        }
        self.commit.transactions.extend(transaction);
        Ok(None)
    }

    /// The transaction to which the batch belongs, if it changes by that.
    fn check_transaction(
        &self,
        partition: TopicPartition,
        batch: &BatchCommit,
    ) -> Result<Option<(ProducerId, Transaction)>, BatchRejection> {
        let Some((producer, version)) = batch.transaction() else { return Ok(None) };
        let state = self.commit.transactions.get(&producer.id).or_else(|| self.state.transactions.get(&producer.id));
        let key = (partition, producer.id);
        if self.commit.opened.contains_key(&key) || self.state.transaction_partitions.contains_key(&key) {
            may_write(state, producer)?;
            return Ok(None);
        }
        let added = joined(state, producer, 1, self.now)?;
        match version {
            TransactionVersion::V1 => Err(BatchRejection::NotInTransaction),
            TransactionVersion::V2 => Ok(Some((producer.id, added))),
        }
    }

    /// Whether the batch, appended at `base`, is the first of its transaction in the partition.
    fn open(&mut self, partition: TopicPartition, batch: &BatchCommit, base: Offset) -> bool {
        let Some((producer, _)) = batch.transaction() else { return false };
        let key = (partition, producer.id);
        let was_open = self.commit.opened.contains_key(&key)
            || self.state.transaction_partitions.get(&key).is_some_and(Option::is_some);
        if !was_open {
            self.commit.opened.insert(key, base);
        }
        !was_open
    }

    fn check_sequence(&self, partition: TopicPartition, batch: &BatchCommit) -> SequenceCheck {
        let Some(producer) = &batch.producer else { return SequenceCheck::Append };
        let created = self.state.heads.get(&partition).map_or(self.now, |head| head.created);
        let unknown = || match batch.transactional {
            // Its epoch is new with each transaction, so it has written nothing before (KIP-890).
            Some(TransactionVersion::V2) if producer.first != Sequence(0) => {
                SequenceCheck::Reject(SequenceError::OutOfOrder { expected: Sequence(0), found: producer.first })
            }
            _ => SequenceCheck::without_window(producer, created, self.now, self.limits.producer_expiry),
        };
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
