//! The batches of one run, with the offsets that the commit gave them.

use std::collections::BTreeSet;

use alluvium_history::{HistoryRecord, RecordHeader};
use alluvium_model::{Extent, ExtentSource, Offset, Timestamp};
use alluvium_wire::batch::{Batch, BatchError, Batches, Records};
use bytes::Bytes;
use thiserror::Error;

/// Decompressed bytes of one batch; one that is larger stays in its segment.
const BATCH_BYTES_MAX: usize = 256 << 20;

/// Why a run cannot be rewritten. It stays as it is, and is read as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RunError {
    /// A batch is damaged, or not what it says.
    #[error("batch {number}: {error}")]
    Batch {
        /// Which, from 0.
        number: u32,
        /// What is wrong.
        error: BatchError,
    },
    /// A record's offset is not in its batch, or not after the one before it.
    #[error("batch {number}: a record's offset is out of order")]
    Offset {
        /// Which, from 0.
        number: u32,
    },
    /// The batches do not take the offsets that the extent has.
    #[error("batches end at offset {found}, the extent at {expected}")]
    End {
        /// By the batches.
        found: Offset,
        /// By the extent.
        expected: Offset,
    },
    /// The extent is not a segment's.
    #[error("not in a segment")]
    NotSegment,
}

/// Hands every record of `extent`, whose run is `bytes`, to `each`, in order.
pub(crate) fn for_each_record<E: From<RunError>>(
    extent: &Extent,
    bytes: Bytes,
    mut each: impl FnMut(HistoryRecord) -> Result<(), E>,
) -> Result<(), E> {
    let ExtentSource::Segment { refused, .. } = &extent.source else { return Err(RunError::NotSegment.into()) };
    let refused: BTreeSet<u32> = refused.iter().copied().collect();
    let mut next = extent.offsets.start;
    for (number, batch) in (0_u32..).zip(Batches::new(bytes)) {
        let batch = batch.map_err(|error| RunError::Batch { number, error })?;
        if refused.contains(&number) {
            continue;
        }
        let end = next.plus(u64::try_from(batch.header().record_count).unwrap_or(0));
        if !batch.header().attributes.is_control() {
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
            key: record.key.map(|key| shared(&records, key)),
            value: record.value.map(|value| shared(&records, value)),
            headers: record
                .headers
                .map(|(name, value)| RecordHeader {
                    name: shared(&records, name),
                    value: value.map(|value| shared(&records, value)),
                })
                .collect(),
        })?;
    }
    Ok(())
}

/// `part` of the decompressed records, without copying.
fn shared(records: &Records, part: &[u8]) -> Bytes {
    records.bytes().slice_ref(part)
}
