//! What an agent asks to commit, and what it is told.

use std::{collections::BTreeSet, ops::Range};

use thiserror::Error;

use crate::{
    ObjectId, Offset, ProducerEpoch, Sequence, Timestamp, TopicPartition,
    limits::COMMIT_BATCHES_MAX,
    producer::{ProducerBatch, SequenceError},
};

/// One uploaded segment, to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentCommit {
    /// The uploaded object. Its id makes the commit idempotent; its creation time, old ones refused.
    pub object: ObjectId,
    /// Size of the whole object.
    pub bytes: u64,
    /// What it holds, in the order of its bytes.
    pub runs: Vec<RunCommit>,
}

/// The batches of one partition in a segment, back to back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCommit {
    /// Whose they are.
    pub partition: TopicPartition,
    /// Where they lie in the object.
    pub position: Range<u64>,
    /// Each batch, in arrival order.
    pub batches: Vec<BatchCommit>,
}

/// One batch, as the commit needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchCommit {
    /// Records in it: the offsets that it takes.
    pub records: u32,
    /// Its bytes.
    pub bytes: u32,
    /// Smallest and largest record timestamp.
    pub timestamps: (Timestamp, Timestamp),
    /// Who sent it, where the producer is idempotent.
    pub producer: Option<ProducerBatch>,
}

/// What became of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentOutcome {
    /// In the order of the commit's runs.
    pub runs: Vec<RunOutcome>,
}

/// What became of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// Whose it is.
    pub partition: TopicPartition,
    /// The log start at the commit; -1 where it is not known (unknown partition, segment too old).
    pub start: Offset,
    /// In the order of the run's batches.
    pub batches: Vec<Result<BatchAck, BatchRejection>>,
}

/// A batch is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchAck {
    /// The offset of its first record.
    pub base: Offset,
    /// It was there already: `base` and `timestamp` are those of the first time.
    pub duplicate: bool,
    /// Its largest record timestamp (where the topic stamps on append: the append time).
    pub timestamp: Timestamp,
}

/// A batch is not in the log, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchRejection {
    /// No such partition (any more).
    #[error("unknown partition")]
    UnknownPartition,
    /// A sequence number was skipped, or a new epoch does not begin at 0.
    #[error("sequence {found} out of order: expected {expected}")]
    OutOfOrderSequence {
        /// What the next batch must begin with.
        expected: Sequence,
        /// What it begins with.
        found: Sequence,
    },
    /// It is in the log, but too long ago for its offset to be known.
    #[error("duplicate of a batch older than the producer's window")]
    DuplicateSequence,
    /// A newer incarnation of the producer has written.
    #[error("producer epoch is fenced by epoch {current}")]
    FencedEpoch {
        /// The newest epoch seen.
        current: ProducerEpoch,
    },
    /// The segment took too long from creation to commit.
    #[error("segment created at {created} ms is too old to commit at {now} ms")]
    SegmentTooOld {
        /// When the segment was created.
        created: Timestamp,
        /// When the commit was decided.
        now: Timestamp,
    },
}

impl From<SequenceError> for BatchRejection {
    fn from(refusal: SequenceError) -> Self {
        match refusal {
            SequenceError::OutOfOrder { expected, found } => Self::OutOfOrderSequence { expected, found },
            SequenceError::Duplicate => Self::DuplicateSequence,
            SequenceError::Fenced { current } => Self::FencedEpoch { current },
        }
    }
}

/// A segment that no agent of ours can have written: it is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("segment {object} is malformed: {problem}")]
pub struct InvalidSegment {
    /// Which.
    pub object: ObjectId,
    /// What is wrong.
    pub problem: &'static str,
}

impl SegmentCommit {
    /// Heads, extents and producer windows that its commit touches: an agent keeps the sum over the segments of one
    /// transaction under [`crate::limits::COMMIT_ROWS_MAX`].
    #[must_use]
    pub fn rows(&self) -> usize {
        self.runs.iter().map(RunCommit::rows).sum::<usize>() + 2
    }

    /// Batches in all its runs: an agent keeps the sum over the segments of one transaction under
    /// [`COMMIT_BATCHES_MAX`].
    #[must_use]
    pub fn batches(&self) -> usize {
        self.runs.iter().map(|run| run.batches.len()).sum()
    }

    /// What must hold before anything durable is written about it.
    pub fn check(&self) -> Result<(), InvalidSegment> {
        let too_many = (self.batches() > COMMIT_BATCHES_MAX).then_some("more batches than a commit may carry");
        let problem = too_many.or_else(|| self.runs.iter().find_map(RunCommit::problem));
        problem.map_or(Ok(()), |problem| Err(InvalidSegment { object: self.object, problem }))
    }
}

impl RunCommit {
    fn rows(&self) -> usize {
        let producers: BTreeSet<_> = self.batches.iter().filter_map(|batch| batch.producer.map(|p| p.id)).collect();
        2 + producers.len()
    }

    fn problem(&self) -> Option<&'static str> {
        let bytes: u64 = self.batches.iter().map(|batch| u64::from(batch.bytes)).sum();
        if self.position.end.checked_sub(self.position.start) != Some(bytes) {
            Some("a run's position and its batches' bytes differ")
        } else if self.batches.is_empty() {
            Some("a run holds no batch")
        } else if self.batches.iter().any(|batch| batch.records == 0) {
            Some("a batch holds no record")
        } else {
            None
        }
    }
}
