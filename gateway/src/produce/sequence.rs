//! Sequence numbers of idempotent producers, as batches that are not committed yet carry them.

use alluvium_model::{ProducerEpoch, ProducerId, Sequence, TopicPartition};
use alluvium_wire::batch::Batch;

/// A producer in a partition: sequence numbers are counted for each such pair.
pub type PartitionProducer = (TopicPartition, ProducerId);

/// The producer of `batch`, if it is idempotent.
#[must_use]
pub fn producer_of(partition: TopicPartition, batch: &Batch) -> Option<PartitionProducer> {
    let id = batch.header().producer_id;
    (id >= 0).then_some((partition, ProducerId(id)))
}

/// Where a producer's batches begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSequence {
    /// The producer's epoch.
    pub epoch: ProducerEpoch,
    /// The sequence of the first record.
    pub first: Sequence,
}

impl FirstSequence {
    /// That of `batch`, which an idempotent producer has sent.
    #[must_use]
    pub fn of(batch: &Batch) -> Self {
        let header = batch.header();
        Self { epoch: ProducerEpoch(header.producer_epoch), first: Sequence(header.base_sequence) }
    }

    /// The earlier of two failed batches of one producer; only those of its newest epoch count.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if self.epoch > other.epoch || (self.epoch == other.epoch && self.first.is_before(other.first)) {
            self
        } else {
            other
        }
    }
}
