//! The control batch that ends a transaction, made from its marker: Kafka stores it, here the extent says it all.

use alluvium_model::transaction::{TransactionalProducer, Verdict};
use alluvium_model::{Offset, Timestamp};
use alluvium_wire::batch::{Batch, BatchBuilder, Compression};

use super::LoadError;

/// The key of a control record: its version, and how the transaction ended (Kafka's `ControlRecordType`).
const ABORT_KEY: [u8; 4] = [0, 0, 0, 0];
const COMMIT_KEY: [u8; 4] = [0, 0, 0, 1];
/// Its value: a version, and the epoch of the coordinator, which is always the first (Kafka's `EndTransactionMarker`).
const VALUE: [u8; 6] = [0; 6];

/// The control batch of the marker at `offset`.
///
/// # Errors
/// Never, unless the offset or the time cannot be encoded.
pub fn control_batch(
    offset: Offset,
    time: Timestamp,
    producer: TransactionalProducer,
    verdict: Verdict,
) -> Result<Batch, LoadError> {
    let key = match verdict {
        Verdict::Commit => COMMIT_KEY,
        Verdict::Abort => ABORT_KEY,
    };
    let builder = BatchBuilder::new(Compression::None, offset.0).producer(producer.id.0, producer.epoch.0, -1);
    let mut builder = builder.transactional().control();
    let pushed = builder.push(offset.0, time.0, Some(&key), Some(&VALUE), []);
    pushed.map_err(|error| LoadError::Corrupt(format!("marker at offset {offset}: {error}")))?;
    Ok(Batch::exactly_one(builder.finish())?)
}

#[cfg(test)]
mod tests {
    use alluvium_model::log::transaction_end::MARKER_BYTES;

    use super::*;

    #[test]
    fn a_marker_is_a_control_batch_of_one_record() {
        let producer = TransactionalProducer::from_raw(7, 3);
        for (verdict, key) in [(Verdict::Abort, ABORT_KEY), (Verdict::Commit, COMMIT_KEY)] {
            let batch = control_batch(Offset(41), Timestamp(1_000), producer, verdict).unwrap();
            batch.verify_crc().unwrap();
            let header = *batch.header();
            assert_eq!((header.base_offset, header.last_offset_delta, header.record_count), (41, 0, 1));
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 3, -1));
            assert!(header.attributes.is_control() && header.attributes.is_transactional());
            assert_eq!(batch.len() as u64, MARKER_BYTES);
            let records = batch.records(1_000).unwrap();
            let record = records.iter().next().unwrap().unwrap();
            assert_eq!((record.key, record.value), (Some(&key[..]), Some(&VALUE[..])));
        }
    }
}
