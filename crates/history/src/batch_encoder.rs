//! Encodes records as Kafka batches: same offsets, timestamps, keys, values and headers, but with new batch boundaries.
//!
//! Batches cover offsets without gaps: each begins where the previous one ended, even if no record has that offset, and
//! the last one of a file reaches to the file's end. So for any offset a consumer gets a batch that covers it and leads
//! past it.

use alluvium_model::{Offset, Timestamp};
use alluvium_wire::batch::{BatchBuilder, BatchHeader, BuildError, Compression};
use bytes::Bytes;

use crate::{HistoryRecord, TimestampType};

/// A batch is closed at this size (one record may exceed it). Larger than most batches of producers, so that headers
/// cost little; and an answer, which has at least one batch, can still be small.
pub const BATCH_BYTES_MAX: usize = 128 << 10;
/// Offsets that one batch may cover: the last offset delta must fit 31 bits.
const BATCH_OFFSETS_MAX: u64 = (1 << 31) - 2;
/// Largest overhead of a record besides its payload and headers: attributes, lengths, deltas.
const RECORD_OVERHEAD_MAX: usize = 36;
/// Largest overhead of a header besides its name and value.
const HEADER_OVERHEAD_MAX: usize = 10;

/// Encodes records as batches up to a number of bytes.
pub(crate) struct BatchEncoder {
    /// The offset after the last record.
    next: Offset,
    bytes_left: usize,
    batches: Vec<Bytes>,
    open: Option<OpenBatch>,
}

struct OpenBatch {
    builder: BatchBuilder,
    base: Offset,
    timestamps: BatchTimestamps,
}

/// The timestamp type that all records of a batch share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BatchTimestamps {
    /// Each record has its own, set by the producer.
    Create,
    /// All records have this one, set by the log.
    LogAppend(Timestamp),
}

impl BatchTimestamps {
    fn of(record: &HistoryRecord) -> Self {
        match record.timestamp_type {
            TimestampType::CreateTime => Self::Create,
            TimestampType::LogAppendTime => Self::LogAppend(record.timestamp),
        }
    }
}

impl BatchEncoder {
    /// An encoder of batches from offset `from` on, of at most `bytes_max` bytes, or of one record if that is larger.
    pub(crate) fn new(from: Offset, bytes_max: usize) -> Self {
        Self { next: from, bytes_left: bytes_max, batches: Vec::new(), open: None }
    }

    /// The lowest offset that the next record may have.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    /// Bytes that still fit.
    pub(crate) fn bytes_left(&self) -> usize {
        self.bytes_left
    }

    /// Adds a record. Returns false if it does not fit.
    pub(crate) fn push(&mut self, record: &HistoryRecord) -> Result<bool, BuildError> {
        let cost = record_bytes_max(record);
        let timestamps = BatchTimestamps::of(record);
        let fits_open = self.open.as_ref().is_some_and(|open| open.accepts(record.offset, timestamps, cost));
        let total_cost = if fits_open { cost } else { cost + BatchHeader::LEN };
        let is_first = self.open.is_none() && self.batches.is_empty();
        if total_cost > self.bytes_left && !is_first {
            return Ok(false);
        }
        if !fits_open {
            self.close();
        }
        let next = self.next;
        let open = self.open.get_or_insert_with(|| OpenBatch::new(next, record.offset, timestamps));
        open.push(record)?;
        self.next = record.offset.plus(1);
        self.bytes_left = self.bytes_left.saturating_sub(total_cost);
        Ok(true)
    }

    /// The encoded batches.
    pub(crate) fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.batches
    }

    /// The encoded batches, if no record follows before `end`: the last one is extended to `end`, or as far as a batch
    /// can be.
    pub(crate) fn finish_to(mut self, end: Offset) -> Result<Vec<Bytes>, BuildError> {
        if self.next < end {
            let fits = |open: &OpenBatch| end.since(open.base) <= BATCH_OFFSETS_MAX;
            if !self.open.as_ref().is_some_and(fits) {
                self.close();
            }
            let base = self.next;
            let open = self.open.get_or_insert_with(|| OpenBatch::new(base, base, BatchTimestamps::Create));
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
    /// A batch that begins at `base`, or at its first record's offset `first` if `base` is too far below.
    fn new(base: Offset, first: Offset, timestamps: BatchTimestamps) -> Self {
        let base = if first.since(base) < BATCH_OFFSETS_MAX / 2 { base } else { first };
        let builder = BatchBuilder::new(Compression::None, base.0);
        let builder = match timestamps {
            BatchTimestamps::Create => builder,
            BatchTimestamps::LogAppend(timestamp) => builder.log_append_time(timestamp.0),
        };
        Self { builder, base, timestamps }
    }

    fn accepts(&self, offset: Offset, timestamps: BatchTimestamps, bytes: usize) -> bool {
        self.timestamps == timestamps
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
