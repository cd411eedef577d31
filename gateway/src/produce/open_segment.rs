//! The segment that batches join until it is sealed.
//!
//! Pure. Batches of a partition keep the order in which they joined; partitions are sorted by (topic id, partition), as
//! in the object.

use std::collections::{BTreeMap, HashMap, HashSet};

use alluvium_model::transaction::TransactionVersion;
use alluvium_model::{TopicPartition, limits};
use alluvium_wire::batch::Batch;

use super::sequence::{FirstSequence, PartitionProducer, producer_of};

/// Rows that a partition in a segment costs at commit: its head and its extent.
const ROWS_PER_PARTITION: usize = 2;
/// Rows that a transaction in a partition costs at commit: two say that it has written there, and three that it has begun.
const ROWS_PER_TRANSACTION: usize = 5;
/// Rows that a segment costs at commit: its object and its outcome.
const ROWS_PER_SEGMENT: usize = 2;

/// Identifies an append within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendId(pub u64);

/// Identifies one batch of one append, to which a result belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AppendReply {
    /// The append.
    pub append: AppendId,
    /// Index of the batch within the append, from 0.
    pub index: usize,
}

/// A batch in a segment, and the reply that it is due.
#[derive(Clone, Debug)]
pub struct PendingBatch {
    /// The batch.
    pub batch: Batch,
    /// The rules that its producer follows, if it is transactional.
    pub transactional: Option<TransactionVersion>,
    /// Which append waits for its result.
    pub reply: AppendReply,
}

/// Limits at which a segment is full.
#[derive(Clone, Copy, Debug)]
pub struct SegmentLimits {
    /// Bytes of its batches.
    pub bytes_max: usize,
    /// Number of partitions.
    pub partitions_max: usize,
    /// Metastore rows that its commit touches.
    pub rows_max: usize,
    /// Number of batches.
    pub batches_max: usize,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self {
            bytes_max: limits::SEGMENT_BYTES_MAX,
            partitions_max: limits::SEGMENT_PARTITIONS_MAX,
            rows_max: limits::COMMIT_ROWS_MAX,
            batches_max: limits::COMMIT_BATCHES_MAX,
        }
    }
}

/// Why a segment was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SealReason {
    /// The next batch would exceed the limit of bytes.
    Bytes,
    /// The next batch would exceed the limit of partitions.
    Partitions,
    /// The next batch would exceed the limit of rows in the commit.
    Rows,
    /// It has as many batches as a segment may have.
    Batches,
    /// A request waited, and the flush budget had a token.
    Flush,
    /// The agent drains.
    Drain,
}

impl SealReason {
    /// The reason as metrics show it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Partitions => "partitions",
            Self::Rows => "rows",
            Self::Batches => "batches",
            Self::Flush => "flush",
            Self::Drain => "drain",
        }
    }
}

/// The segment that batches join.
#[derive(Clone, Debug, Default)]
pub struct OpenSegment {
    contents: Contents,
}

/// The contents of a segment.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Batches by partition, sorted.
    pub runs: BTreeMap<TopicPartition, Vec<PendingBatch>>,
    /// Idempotent producers, each with the first of its batches in this segment.
    pub producers: HashMap<PartitionProducer, FirstSequence>,
    /// Those of the producers that write transactional batches.
    pub transactional: HashSet<PartitionProducer>,
    /// Bytes of batches.
    pub bytes: usize,
    /// Number of batches.
    pub batches: usize,
}

impl Contents {
    /// Rows that a commit of it touches, as `SegmentCommit::rows` counts them.
    #[must_use]
    pub fn rows(&self) -> usize {
        let transactional = self.transactional.len() * ROWS_PER_TRANSACTION;
        ROWS_PER_SEGMENT + self.runs.len() * ROWS_PER_PARTITION + self.producers.len() + transactional
    }

    /// Which appends wait for it, in the order of its batches.
    pub fn replies(&self) -> impl Iterator<Item = AppendReply> {
        self.runs.values().flatten().map(|pending| pending.reply)
    }
}

impl OpenSegment {
    /// Whether nothing has joined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.contents.batches == 0
    }

    /// Why a batch of `partition` cannot join before the segment is sealed; `None` if it can. An empty segment takes
    /// any batch, so that a batch larger than the limits gets a segment of its own.
    #[must_use]
    pub fn full_for(&self, partition: TopicPartition, batch: &Batch, limits: &SegmentLimits) -> Option<SealReason> {
        if self.is_empty() {
            return None;
        }
        let contents = &self.contents;
        let new_partition = usize::from(!contents.runs.contains_key(&partition));
        let new_producer = usize::from(
            producer_of(partition, batch).is_some_and(|producer| !contents.producers.contains_key(&producer)),
        );
        let transaction = new_producer * usize::from(batch.header().attributes.is_transactional());
        let rows =
            contents.rows() + new_partition * ROWS_PER_PARTITION + new_producer + transaction * ROWS_PER_TRANSACTION;
        if contents.bytes + batch.len() > limits.bytes_max {
            Some(SealReason::Bytes)
        } else if contents.runs.len() + new_partition > limits.partitions_max {
            Some(SealReason::Partitions)
        } else if rows > limits.rows_max {
            Some(SealReason::Rows)
        } else if contents.batches + 1 > limits.batches_max {
            Some(SealReason::Batches)
        } else {
            None
        }
    }

    /// Appends a batch to its partition's run.
    pub fn join(&mut self, partition: TopicPartition, pending: PendingBatch) {
        self.contents.bytes += pending.batch.len();
        self.contents.batches += 1;
        if let Some(producer) = producer_of(partition, &pending.batch) {
            let start = FirstSequence::of(&pending.batch);
            self.contents.producers.entry(producer).and_modify(|known| *known = known.earlier(start)).or_insert(start);
            if pending.transactional.is_some() {
                self.contents.transactional.insert(producer);
            }
        }
        self.contents.runs.entry(partition).or_default().push(pending);
    }

    /// Removes the batches of the given producers.
    pub fn remove(&mut self, broken: &HashMap<PartitionProducer, FirstSequence>) -> Vec<AppendReply> {
        let mut removed = Vec::new();
        for (partition, run) in &mut self.contents.runs {
            for pending in run.extract_if(.., |pending| {
                producer_of(*partition, &pending.batch).is_some_and(|producer| broken.contains_key(&producer))
            }) {
                self.contents.bytes -= pending.batch.len();
                self.contents.batches -= 1;
                removed.push(pending.reply);
            }
        }
        self.contents.runs.retain(|_, run| !run.is_empty());
        self.contents.producers.retain(|producer, _| !broken.contains_key(producer));
        self.contents.transactional.retain(|producer| !broken.contains_key(producer));
        removed
    }

    /// Takes the contents; the next batch joins an empty segment.
    pub fn seal(&mut self) -> Contents {
        std::mem::take(&mut self.contents)
    }
}
