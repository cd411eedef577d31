//! The content of a footer: the segment's runs.

use std::ops::Range;

use alluvium_model::{ProducerEpoch, ProducerId, Sequence, Timestamp, TopicPartition};

/// The description of a segment: its footer, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The writer's number in the object's id.
    pub writer: u32,
    /// When the segment was sealed.
    pub created: Timestamp,
    /// The segment's runs, sorted by partition.
    pub runs: Vec<Run>,
}

/// The batches of one partition in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The partition of the batches.
    pub partition: TopicPartition,
    /// The byte range of the batches in the object; never empty.
    pub position: Range<u64>,
    /// Number of records in the batches.
    pub records: u64,
    /// Number of batches.
    pub batches: u32,
    /// Smallest and largest timestamp of the records.
    pub timestamps: (Timestamp, Timestamp),
    /// Sequences of idempotent producers, in order; adjacent ones that continue each other are one entry.
    pub producers: Vec<ProducerRun>,
    /// CRC-32C of the run's bytes.
    pub crc: u32,
}

/// Consecutive sequences of one producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerRun {
    /// The producer's id.
    pub id: ProducerId,
    /// The producer's epoch.
    pub epoch: ProducerEpoch,
    /// Sequence of the first record.
    pub first: Sequence,
    /// Sequence of the last record; below `first` if the sequence wrapped.
    pub last: Sequence,
}

impl ProducerRun {
    /// Whether the sequences of `next` follow those of this run, by the same producer and epoch.
    #[must_use]
    pub fn is_continued_by(&self, next: &Self) -> bool {
        self.id == next.id && self.epoch == next.epoch && next.first == self.last.successor()
    }
}
