//! What a footer says.

use std::ops::Range;

use alluvium_model::{ProducerEpoch, ProducerId, Sequence, Timestamp, TopicPartition};

/// What a segment holds: its footer, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Who wrote it: the number in the object's id.
    pub writer: u32,
    /// When it was sealed.
    pub created: Timestamp,
    /// Its runs, sorted by partition.
    pub runs: Vec<Run>,
}

/// The batches of one partition in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose they are.
    pub partition: TopicPartition,
    /// Where they lie in the object; never empty.
    pub position: Range<u64>,
    /// Records in them.
    pub records: u64,
    /// How many batches.
    pub batches: u32,
    /// Smallest and largest timestamp.
    pub timestamps: (Timestamp, Timestamp),
    /// Idempotent producers' sequences, in order; neighbours that continue one another are one entry.
    pub producers: Vec<ProducerRun>,
    /// CRC-32C of the bytes.
    pub crc: u32,
}

/// Consecutive sequences of one producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerRun {
    /// Who.
    pub id: ProducerId,
    /// Which incarnation.
    pub epoch: ProducerEpoch,
    /// Sequence of the first record.
    pub first: Sequence,
    /// Sequence of the last record; below `first` where it wrapped.
    pub last: Sequence,
}

impl ProducerRun {
    /// Whether `next` goes on where this ends.
    #[must_use]
    pub fn is_continued_by(&self, next: &Self) -> bool {
        let after = if self.last.0 == i32::MAX { 0 } else { self.last.0 + 1 };
        self.id == next.id && self.epoch == next.epoch && next.first.0 == after
    }
}
