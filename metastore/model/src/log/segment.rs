//! The segments that an agent asks to commit, and their outcomes.

use std::{collections::BTreeSet, ops::Range};

use thiserror::Error;

use crate::{
    ObjectId, Offset, ProducerEpoch, Sequence, Timestamp, TopicPartition,
    limits::COMMIT_BATCHES_MAX,
    producer::{ProducerBatch, SequenceError},
    transaction::{TransactionError, TransactionVersion, TransactionalProducer},
};

/// One uploaded segment that is to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentCommit {
    /// The id of the uploaded object. It makes the commit idempotent, and contains the creation time, by which segments
    /// that are too old are rejected.
    pub object: ObjectId,
    /// Size of the whole object in bytes.
    pub bytes: u64,
    /// Its runs, in the order of their bytes.
    pub runs: Vec<RunCommit>,
}

/// The batches of one partition in a segment, back to back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCommit {
    /// The partition.
    pub partition: TopicPartition,
    /// The range of their bytes in the object.
    pub position: Range<u64>,
    /// The batches, in the order of their arrival.
    pub batches: Vec<BatchCommit>,
}

/// What the commit needs to know about a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchCommit {
    /// Number of records in it: the number of offsets that it takes.
    pub records: u32,
    /// Its size in bytes.
    pub bytes: u32,
    /// Smallest and largest record timestamp, ms.
    pub timestamps: (Timestamp, Timestamp),
    /// Its producer and sequence numbers, if the producer is idempotent.
    pub producer: Option<ProducerBatch>,
    /// The rules of its producer's transaction, if it is transactional.
    pub transactional: Option<TransactionVersion>,
}

impl BatchCommit {
    /// The producer of the transaction that it belongs to, and the rules of it.
    #[must_use]
    pub fn transaction(&self) -> Option<(TransactionalProducer, TransactionVersion)> {
        let ProducerBatch { id, epoch, .. } = self.producer?;
        Some((TransactionalProducer { id, epoch }, self.transactional?))
    }
}

/// The outcome of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentOutcome {
    /// The outcomes of its runs, in their order.
    pub runs: Vec<RunOutcome>,
}

/// The outcome of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// The partition.
    pub partition: TopicPartition,
    /// The log start at the commit; -1 if it is not known (unknown partition, segment too old).
    pub start: Offset,
    /// The outcomes of its batches, in their order.
    pub batches: Vec<Result<BatchAck, BatchRejection>>,
}

/// The outcome of a batch that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchAck {
    /// The offset of its first record.
    pub base: Offset,
    /// Whether it was in the log already: then `base` and `timestamp` are those of the first append.
    pub duplicate: bool,
    /// Its largest record timestamp, ms (the time of the append if the topic is configured so).
    pub timestamp: Timestamp,
}

/// Why a batch is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchRejection {
    /// The partition does not exist (any more).
    #[error("unknown partition")]
    UnknownPartition,
    /// A sequence number was skipped, or a new epoch does not begin at 0.
    #[error("sequence {found} out of order: expected {expected}")]
    OutOfOrderSequence {
        /// The sequence that the next batch must begin with.
        expected: Sequence,
        /// The sequence that it begins with.
        found: Sequence,
    },
    /// The first batch of a new producer was not appended yet: it may be in flight at another agent, so this one is to
    /// be sent again.
    #[error("sequence {found} of a new producer whose first batch is missing")]
    FirstBatchMissing {
        /// The sequence that it begins with.
        found: Sequence,
    },
    /// It is in the log, but was appended too long ago for its offset to be known.
    #[error("duplicate of a batch older than the producer's window")]
    DuplicateSequence,
    /// A newer epoch of the producer has written, or has taken its transactional id over.
    #[error("producer epoch is fenced by epoch {current}")]
    FencedEpoch {
        /// The newest epoch seen.
        current: ProducerEpoch,
    },
    /// It is transactional, and no transactional id has its producer id.
    #[error("no transactional id has this producer id")]
    UnknownTransactionalProducer,
    /// It is transactional, and its partition was not added to the transaction.
    #[error("the partition does not belong to the transaction")]
    NotInTransaction,
    /// The transaction has as many partitions and groups as a transaction may have.
    #[error("the transaction has {members} partitions and groups already")]
    TransactionTooLarge {
        /// How many it has.
        members: u32,
    },
    /// The time from the creation of the segment to its commit was too long.
    #[error("segment created at {created} ms is too old to commit at {now} ms")]
    SegmentTooOld {
        /// The time of the segment's creation, ms.
        created: Timestamp,
        /// The time of the commit, ms.
        now: Timestamp,
    },
}

impl From<SequenceError> for BatchRejection {
    fn from(error: SequenceError) -> Self {
        match error {
            SequenceError::OutOfOrder { expected, found } => Self::OutOfOrderSequence { expected, found },
            SequenceError::FirstMissing { found } => Self::FirstBatchMissing { found },
            SequenceError::Duplicate => Self::DuplicateSequence,
            SequenceError::Fenced { current } => Self::FencedEpoch { current },
        }
    }
}

impl From<TransactionError> for BatchRejection {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::UnknownProducer => Self::UnknownTransactionalProducer,
            TransactionError::Fenced { current } => Self::FencedEpoch { current: current.epoch },
            TransactionError::TooLarge { members } => Self::TransactionTooLarge { members },
            TransactionError::InvalidState(_) => Self::NotInTransaction,
        }
    }
}

/// The error of a segment that a correct agent never sends: it is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("segment {object} is malformed: {problem}")]
pub struct InvalidSegment {
    /// The id of the segment.
    pub object: ObjectId,
    /// The problem with it.
    pub problem: &'static str,
}

impl SegmentCommit {
    /// Number of heads, extents and producer windows that its commit reads or writes: an agent keeps the sum over the
    /// segments of one transaction under [`crate::limits::COMMIT_ROWS_MAX`].
    #[must_use]
    pub fn rows(&self) -> usize {
        self.runs.iter().map(RunCommit::rows).sum::<usize>() + 2
    }

    /// Number of batches in all its runs: an agent keeps the sum over the segments of one transaction under
    /// [`COMMIT_BATCHES_MAX`].
    #[must_use]
    pub fn batches(&self) -> usize {
        self.runs.iter().map(|run| run.batches.len()).sum()
    }

    /// Checks what must hold before anything durable is written for it.
    pub fn check(&self) -> Result<(), InvalidSegment> {
        let too_many = (self.batches() > COMMIT_BATCHES_MAX).then_some("more batches than a commit may carry");
        let problem = too_many.or_else(|| self.runs.iter().find_map(RunCommit::problem));
        problem.map_or(Ok(()), |problem| Err(InvalidSegment { object: self.object, problem }))
    }
}

impl RunCommit {
    fn rows(&self) -> usize {
        let producers: BTreeSet<_> = self.batches.iter().filter_map(|batch| batch.producer.map(|p| p.id)).collect();
        let transactions = self.batches.iter().filter_map(|batch| batch.transaction().map(|(by, _)| by.id));
        // Of each transaction: two rows that say that it has written here, and three that it has begun.
        2 + producers.len() + 5 * transactions.collect::<BTreeSet<_>>().len()
    }

    fn problem(&self) -> Option<&'static str> {
        let bytes: u64 = self.batches.iter().map(|batch| u64::from(batch.bytes)).sum();
        if self.position.end.checked_sub(self.position.start) != Some(bytes) {
            Some("a run's position and its batches' bytes differ")
        } else if self.batches.is_empty() {
            Some("a run holds no batch")
        } else if self.batches.iter().any(|batch| batch.records == 0) {
            Some("a batch holds no record")
        } else if self.batches.iter().any(|batch| batch.transactional.is_some() && batch.producer.is_none()) {
            Some("a transactional batch has no producer")
        } else {
            None
        }
    }
}
