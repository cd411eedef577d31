//! The expected answer to a batch of an idempotent producer, from all batches that were ever appended.

use std::collections::BTreeSet;

use alluvium_model::{
    Offset, Timestamp,
    log::{BatchAck, BatchRejection, ProducerBatch},
};

/// All batches that one producer appended to one partition.
#[derive(Clone, Debug, Default)]
pub struct Written(pub Vec<(ProducerBatch, BatchAck)>);

impl Written {
    /// The answer to a batch that is not appended; `None` if it must be appended.
    pub fn answer(&self, batch: &ProducerBatch) -> Option<Result<BatchAck, BatchRejection>> {
        let (newest, _) = self.0.last()?;
        if batch.epoch < newest.epoch {
            return Some(Err(BatchRejection::FencedEpoch { current: newest.epoch }));
        }
        let in_epoch: Vec<_> = self.0.iter().filter(|(written, _)| written.epoch == batch.epoch).collect();
        if let Some((_, ack)) = in_epoch.iter().rev().take(5).find(|(written, _)| written == batch) {
            return Some(Ok(BatchAck { duplicate: true, ..*ack }));
        }
        let expected = in_epoch.last().map_or(0, |(written, _)| written.last.0 + 1);
        if batch.first.0 == expected {
            return None;
        }
        let sequences: BTreeSet<i32> =
            in_epoch.iter().flat_map(|(written, _)| written.first.0..=written.last.0).collect();
        let expected = alluvium_model::Sequence(expected);
        Some(if (batch.first.0..=batch.last.0).all(|sequence| sequences.contains(&sequence)) {
            Err(BatchRejection::DuplicateSequence)
        } else {
            Err(BatchRejection::OutOfOrderSequence { expected, found: batch.first })
        })
    }

    pub fn append(&mut self, batch: ProducerBatch, base: Offset, timestamp: Timestamp) {
        self.0.push((batch, BatchAck { base, duplicate: false, timestamp }));
    }
}
