//! The segment that batches join until it is sealed.
//!
//! Pure. Within a partition batches keep the order in which they joined; partitions come out sorted by (topic id,
//! partition), as they lie in the object.

use std::collections::{BTreeMap, HashMap};

use alluvium_model::{ProducerId, TopicPartition, limits};
use alluvium_wire::batch::Batch;

use super::gaps::Start;

/// Rows that a partition in a segment costs at commit: its head and its extent.
const ROWS_PER_PARTITION: usize = 2;
/// Rows that a segment costs at commit: its object and its outcome.
const ROWS_PER_SEGMENT: usize = 2;

/// Which append, within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendId(pub u64);

/// Which batch of which append an outcome is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AppendReply {
    /// The append.
    pub append: AppendId,
    /// Its batch, from 0.
    pub index: usize,
}

/// A batch on its way, and who waits for it.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The batch.
    pub batch: Batch,
    /// Who waits.
    pub reply: AppendReply,
}

/// A producer in a partition: where sequences count.
pub type Sequenced = (TopicPartition, ProducerId);

/// When a segment is full.
#[derive(Clone, Copy, Debug)]
pub struct SegmentLimits {
    /// Bytes of batches.
    pub bytes_max: usize,
    /// Partitions.
    pub partitions_max: usize,
    /// Rows that its commit touches.
    pub rows_max: usize,
    /// Batches.
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
    /// It had its bytes.
    Bytes,
    /// It had its partitions.
    Partitions,
    /// Its commit had its rows.
    Rows,
    /// It had its batches.
    Batches,
    /// A request waited and a token was there.
    Flush,
    /// The agent drains.
    Drain,
}

/// The segment that batches join.
#[derive(Clone, Debug, Default)]
pub struct OpenSegment {
    contents: Contents,
}

/// What is in a segment.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Batches by partition, sorted.
    pub runs: BTreeMap<TopicPartition, Vec<Pending>>,
    /// Idempotent producers by partition, and where what they have in it begins.
    pub producers: HashMap<Sequenced, Start>,
    /// Bytes of batches.
    pub bytes: usize,
    /// Number of batches.
    pub batches: usize,
}

impl Contents {
    /// Rows that a commit of it touches, as `SegmentCommit::rows` counts them.
    #[must_use]
    pub fn rows(&self) -> usize {
        ROWS_PER_SEGMENT + self.runs.len() * ROWS_PER_PARTITION + self.producers.len()
    }

    /// Who waits for it, in the order of its batches.
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

    /// Why a batch of `partition` cannot join, if it cannot: the segment has to be sealed first. Never so while it is
    /// empty, so that a batch larger than a segment has one of its own.
    #[must_use]
    pub fn full_for(&self, partition: TopicPartition, batch: &Batch, limits: &SegmentLimits) -> Option<SealReason> {
        if self.is_empty() {
            return None;
        }
        let contents = &self.contents;
        let new_partition = usize::from(!contents.runs.contains_key(&partition));
        let new_producer = usize::from(
            sequenced(partition, batch).is_some_and(|producer| !contents.producers.contains_key(&producer)),
        );
        let rows = contents.rows() + new_partition * ROWS_PER_PARTITION + new_producer;
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

    /// Puts a batch at the end of its partition's run.
    pub fn join(&mut self, partition: TopicPartition, pending: Pending) {
        self.contents.bytes += pending.batch.len();
        self.contents.batches += 1;
        if let Some(producer) = sequenced(partition, &pending.batch) {
            let start = Start::of(&pending.batch);
            self.contents.producers.entry(producer).and_modify(|known| *known = known.earlier(start)).or_insert(start);
        }
        self.contents.runs.entry(partition).or_default().push(pending);
    }

    /// Takes out what the given producers have in it.
    pub fn remove(&mut self, broken: &HashMap<Sequenced, Start>) -> Vec<AppendReply> {
        let mut removed = Vec::new();
        for (partition, run) in &mut self.contents.runs {
            for pending in run.extract_if(.., |pending| {
                sequenced(*partition, &pending.batch).is_some_and(|producer| broken.contains_key(&producer))
            }) {
                self.contents.bytes -= pending.batch.len();
                self.contents.batches -= 1;
                removed.push(pending.reply);
            }
        }
        self.contents.runs.retain(|_, run| !run.is_empty());
        self.contents.producers.retain(|producer, _| !broken.contains_key(producer));
        removed
    }

    /// Takes everything; the next batch joins an empty segment.
    pub fn seal(&mut self) -> Contents {
        std::mem::take(&mut self.contents)
    }
}

/// Where the sequences of `batch` count, if its producer is idempotent.
#[must_use]
pub fn sequenced(partition: TopicPartition, batch: &Batch) -> Option<Sequenced> {
    let id = batch.header().producer_id;
    (id >= 0).then_some((partition, ProducerId(id)))
}
