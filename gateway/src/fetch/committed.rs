//! What a reader of committed records gets.
//!
//! Kafka sends it everything, with a list of aborted transactions, which each client leaves out up to their markers.
//! Here the agent leaves their batches out by itself and the list is empty: markers may have been compacted, and then a
//! client would leave out what follows, too.

use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Offset, ProducerId};
use alluvium_wire::batch::{BatchBuilder, Compression};
use bytes::Bytes;

use super::LoadError;
use super::offset_assignment::OffsetBatch;

/// Whether a transaction among `aborted` has written `batch`.
pub fn is_aborted(batch: &OffsetBatch, aborted: &[AbortedTransaction]) -> bool {
    let header = batch.batch.header();
    let is_of = |aborted: &AbortedTransaction| aborted.has_written(ProducerId(header.producer_id), batch.base);
    header.attributes.is_transactional() && !header.attributes.is_control() && aborted.iter().any(is_of)
}

/// A batch without records for the offsets from `start` up to `end`, by which a consumer gets past what was left out.
///
/// # Errors
/// Never, unless the offsets cannot be encoded.
pub fn empty_batch(start: Offset, end: Offset) -> Result<Bytes, LoadError> {
    let mut builder = BatchBuilder::new(Compression::None, start.0);
    let extended = builder.extend_to(end.0.saturating_sub(1));
    extended.map_err(|error| LoadError::Corrupt(format!("nothing from offset {start} to {end}: {error}")))?;
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use alluvium_wire::batch::Batch;

    use super::*;

    #[test]
    fn an_empty_batch_covers_what_was_left_out() {
        let batch = Batch::exactly_one(empty_batch(Offset(7), Offset(12)).unwrap()).unwrap();
        batch.verify_crc().unwrap();
        let header = batch.header();
        assert_eq!((header.base_offset, header.last_offset_delta, header.record_count), (7, 4, 0));
    }
}
