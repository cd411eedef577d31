//! Records back into Kafka batches: same offsets, timestamps, keys, values and headers, in batches of our own cutting.
//!
//! Batches lie end to end: each begins where the one before it ended, though no record may be there, and the last one of a
//! file reaches to the file's end. So whatever offset a consumer asks for, it gets a batch that covers it, and gets past
//! it.

use alluvium_model::{Offset, Timestamp};
use alluvium_wire::batch::{BatchBuilder, BatchHeader, BuildError, Compression};
use bytes::Bytes;

use crate::{HistoryRecord, TimestampType};

/// A batch is closed at this size: as large as producers' batches get by default (Kafka's `max.message.bytes`), so that
/// consumers' buffers suit.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Offsets that one batch may cover: the last delta must stay below the largest of 31 bits.
const BATCH_OFFSETS_MAX: u64 = (1 << 31) - 2;
/// Largest record in a batch besides its payload, without headers: attributes, lengths, deltas.
const RECORD_OVERHEAD_MAX: usize = 36;
/// Largest header besides its name and value.
const HEADER_OVERHEAD_MAX: usize = 10;

/// Collects records into batches until a number of bytes is reached.
pub(crate) struct BatchEncoder {
    /// Where the next batch begins, while none is open.
    next: Offset,
    bytes_left: usize,
    batches: Vec<Bytes>,
    open: Option<OpenBatch>,
}

struct OpenBatch {
    builder: BatchBuilder,
    base: Offset,
    stamp: Stamp,
}

/// What all records of one batch share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stamp {
    Create,
    LogAppend(Timestamp),
}

impl Stamp {
    fn of(record: &HistoryRecord) -> Self {
        match record.timestamp_type {
            TimestampType::CreateTime => Self::Create,
            TimestampType::LogAppendTime => Self::LogAppend(record.timestamp),
        }
    }
}

impl BatchEncoder {
    /// Batches from offset `from` on, of `bytes_max` bytes, or of one record if that is more.
    pub(crate) fn new(from: Offset, bytes_max: usize) -> Self {
        Self { next: from, bytes_left: bytes_max, batches: Vec::new(), open: None }
    }

    /// The lowest offset that can follow.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    /// Bytes that still fit.
    pub(crate) fn bytes_left(&self) -> usize {
        self.bytes_left
    }

    /// Adds a record; false where no more fit.
    pub(crate) fn push(&mut self, record: &HistoryRecord) -> Result<bool, BuildError> {
        let cost = record_bytes_max(record);
        let stamp = Stamp::of(record);
        let joins = self.open.as_ref().is_some_and(|open| open.takes(record.offset, stamp, cost));
        let cost_in_all = if joins { cost } else { cost + BatchHeader::LEN };
        let is_first = self.open.is_none() && self.batches.is_empty();
        if cost_in_all > self.bytes_left && !is_first {
            return Ok(false);
        }
        if !joins {
            self.close();
        }
        let next = self.next;
        let open = self.open.get_or_insert_with(|| OpenBatch::new(next, record.offset, stamp));
        open.push(record)?;
        self.next = record.offset.plus(1);
        self.bytes_left = self.bytes_left.saturating_sub(cost_in_all);
        Ok(true)
    }

    /// The batches.
    pub(crate) fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.batches
    }

    /// The batches, where no record follows up to `end`: they cover it, or as much of it as one batch can.
    pub(crate) fn finish_to(mut self, end: Offset) -> Result<Vec<Bytes>, BuildError> {
        if self.next < end {
            let fits = |open: &OpenBatch| end.since(open.base) <= BATCH_OFFSETS_MAX;
            if !self.open.as_ref().is_some_and(fits) {
                self.close();
            }
            let base = self.next;
            let open = self.open.get_or_insert_with(|| OpenBatch::new(base, base, Stamp::Create));
            let last = end.min(open.base.plus(BATCH_OFFSETS_MAX));
            open.builder.extend_to(last.0 - 1)?;
        }
        Ok(self.finish())
    }

    fn close(&mut self) {
        self.batches.extend(self.open.take().map(|open| open.builder.finish()));
    }
}

impl OpenBatch {
    /// A batch from `base` on, or from `first` on where that is too far away.
    fn new(base: Offset, first: Offset, stamp: Stamp) -> Self {
        let base = if first.since(base) < BATCH_OFFSETS_MAX / 2 { base } else { first };
        let builder = BatchBuilder::new(Compression::None, base.0);
        let builder = match stamp {
            Stamp::Create => builder,
            Stamp::LogAppend(timestamp) => builder.log_append_time(timestamp.0),
        };
        Self { builder, base, stamp }
    }

    fn takes(&self, offset: Offset, stamp: Stamp, bytes: usize) -> bool {
        self.stamp == stamp
            && self.builder.len() + bytes <= BATCH_BYTES_MAX
            && offset.since(self.base) < BATCH_OFFSETS_MAX
    }

    fn push(&mut self, record: &HistoryRecord) -> Result<(), BuildError> {
        let headers = record.headers.iter().map(|header| (header.name.as_ref(), header.value.as_deref()));
        let HistoryRecord { offset, timestamp, key, value, .. } = record;
        self.builder.push(offset.0, timestamp.0, key.as_deref(), value.as_deref(), headers)
    }
}

fn record_bytes_max(record: &HistoryRecord) -> usize {
    record.payload_bytes() + RECORD_OVERHEAD_MAX + record.headers.len() * HEADER_OVERHEAD_MAX
}
