//! Decodes the batches of one segment run into records with the offsets that the commit assigned.

use std::collections::BTreeSet;

use alluvium_history::{HistoryRecord, RecordHeader};
use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, ExtentSource, Offset, ProducerId, Timestamp};
use alluvium_wire::batch::{Batch, BatchError, Batches, Records};
use bytes::Bytes;
use thiserror::Error;

/// Largest decompressed size of one batch; a larger one stays in its segment.
const BATCH_BYTES_MAX: usize = 256 << 20;

/// Why a run cannot be rewritten. It stays in its segment and is served from there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RunError {
    /// A batch is damaged, or its contents contradict its header.
    #[error("batch {number}: {error}")]
    Batch {
        /// Position of the batch in the run, from 0.
        number: u32,
        /// Why it cannot be decoded.
        error: BatchError,
    },
    /// A record's offset is outside its batch, or not above the previous record's.
    #[error("batch {number}: a record's offset is out of order")]
    Offset {
        /// Position of the batch in the run, from 0.
        number: u32,
    },
    /// The batches take more or fewer offsets than the extent has.
    #[error("batches end at offset {found}, the extent at {expected}")]
    End {
        /// End offset by the batches.
        found: Offset,
        /// End offset of the extent.
        expected: Offset,
    },
    /// The extent is not in a segment.
    #[error("not in a segment")]
    NotSegment,
}

/// Calls `each` with every record of `extent`, whose run is `bytes`, in order. Skips control batches, those that the
/// commit rejected, and those of `aborted` transactions.
pub(crate) fn for_each_record<E: From<RunError>>(
    extent: &Extent,
    bytes: Bytes,
    aborted: &[AbortedTransaction],
    mut each: impl FnMut(HistoryRecord) -> Result<(), E>,
) -> Result<(), E> {
    let ExtentSource::Segment { rejected, .. } = &extent.source else { return Err(RunError::NotSegment.into()) };
    let rejected: BTreeSet<u32> = rejected.iter().copied().collect();
    let mut next = extent.offsets.start;
    for (number, batch) in (0_u32..).zip(Batches::new(bytes)) {
        let batch = batch.map_err(|error| RunError::Batch { number, error })?;
        if rejected.contains(&number) {
            continue;
        }
        let end = next.plus(u64::try_from(batch.header().record_count).unwrap_or(0));
        if is_committed(&batch, next, aborted) {
            for_each_in_batch(number, &batch, next, end, &mut each)?;
        }
        next = end;
    }
    if next == extent.offsets.end {
        Ok(())
    } else {
        Err(RunError::End { found: next, expected: extent.offsets.end }.into())
    }
}

/// Whether `batch`, whose first record is at `base`, holds records of clients, and none of an aborted transaction.
fn is_committed(batch: &Batch, base: Offset, aborted: &[AbortedTransaction]) -> bool {
    let header = batch.header();
    let is_of = |aborted: &AbortedTransaction| aborted.has_written(ProducerId(header.producer_id), base);
    let is_of_aborted = || header.attributes.is_transactional() && aborted.iter().any(is_of);
    !header.attributes.is_control() && !is_of_aborted()
}

fn for_each_in_batch<E: From<RunError>>(
    number: u32,
    batch: &Batch,
    base: Offset,
    end: Offset,
    each: &mut impl FnMut(HistoryRecord) -> Result<(), E>,
) -> Result<(), E> {
    let timestamp_type = batch.header().attributes.timestamp_type();
    let records = batch.records(BATCH_BYTES_MAX).map_err(|error| RunError::Batch { number, error })?;
    let mut next = base;
    for record in &records {
        let record = record.map_err(|error| RunError::Batch { number, error })?;
        let offset = Offset(base.0.saturating_add(record.offset_delta.into()));
        if offset < next || offset >= end {
            return Err(RunError::Offset { number }.into());
        }
        next = offset.plus(1);
        each(HistoryRecord {
            offset,
            timestamp: Timestamp(record.timestamp),
            timestamp_type,
            key: record.key.map(|key| slice_of(&records, key)),
            value: record.value.map(|value| slice_of(&records, value)),
            headers: record
                .headers
                .map(|(name, value)| RecordHeader {
                    name: slice_of(&records, name),
                    value: value.map(|value| slice_of(&records, value)),
                })
                .collect(),
        })?;
    }
    Ok(())
}

/// `part` of the decompressed records, without copying it.
fn slice_of(records: &Records, part: &[u8]) -> Bytes {
    records.bytes().slice_ref(part)
}
