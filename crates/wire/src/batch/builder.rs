//! Builds a batch from records, with every offset and timestamp exactly as given.

use bytes::Bytes;

use super::compression::compress;
use super::header::checksum;
use super::{Attributes, BatchHeader, Compression, Header, varint};

/// Largest uncompressed size of one batch: far above any in practice, and safe for the 32-bit length whatever a codec
/// adds.
const RECORDS_BYTES_MAX: usize = 1 << 30;

/// Why a record cannot be added to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Offsets must ascend from the base offset on, by less than 2^31 in all.
    #[error("offset {offset} cannot follow in the batch at {base_offset}")]
    Offset {
        /// The record's offset.
        offset: i64,
        /// The batch's base offset.
        base_offset: i64,
    },
    /// The batch would exceed 1 GiB.
    #[error("record batch would exceed {RECORDS_BYTES_MAX} bytes")]
    TooLarge,
}

/// Builds one batch. Gaps between offsets are kept, so that history is re-encoded with its original offsets.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    /// The header to write; length and checksum are filled in at the end.
    header: BatchHeader,
    compression: Compression,
    /// Space for the header, then the encoded records.
    bytes: Vec<u8>,
    /// The encoding of one record, until its length is known.
    scratch: Vec<u8>,
    append_time: Option<i64>,
}

impl BatchBuilder {
    /// A batch whose first offset is `base_offset` (0 for one that is to be produced).
    #[must_use]
    pub fn new(compression: Compression, base_offset: i64) -> Self {
        let header = BatchHeader {
            base_offset,
            batch_length: 0,
            leader_epoch: 0,
            magic: BatchHeader::MAGIC,
            crc: 0,
            attributes: Attributes::new(compression),
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count: 0,
        };
        Self { header, compression, bytes: vec![0; BatchHeader::LEN], scratch: Vec::new(), append_time: None }
    }

    /// Reserves memory for `bytes` of records, if the size is known in advance.
    #[must_use]
    pub fn expecting(mut self, bytes: usize) -> Self {
        self.bytes.reserve_exact(bytes.min(RECORDS_BYTES_MAX));
        self
    }

    /// Sets the idempotent producer's id, epoch and first sequence.
    #[must_use]
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Sets the append time `timestamp` as every record's timestamp.
    #[must_use]
    pub fn log_append_time(mut self, timestamp: i64) -> Self {
        self.header.attributes = self.header.attributes.with_log_append_time();
        self.append_time = Some(timestamp);
        self
    }

    /// Marks the batch as part of a transaction.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.header.attributes = self.header.attributes.with_transactional();
        self
    }

    /// Marks the batch as a control batch.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.header.attributes = self.header.attributes.with_control();
        self
    }

    /// Adds the record at `offset`, which must be above the previous one.
    pub fn push<'a>(
        &mut self,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = Header<'a>>,
    ) -> Result<(), BuildError> {
        let offset_delta = self.delta(offset)?;
        let first = self.header.record_count == 0;
        let base_timestamp = if first { timestamp } else { self.header.base_timestamp };
        self.scratch.clear();
        self.scratch.push(0); // attributes: none are defined
        varint::put(&mut self.scratch, timestamp.wrapping_sub(base_timestamp));
        varint::put(&mut self.scratch, offset_delta.into());
        put_nullable(&mut self.scratch, key);
        put_nullable(&mut self.scratch, value);
        put_headers(&mut self.scratch, headers);
        let length = i64::try_from(self.scratch.len()).map_err(|_| BuildError::TooLarge)?;
        if self.bytes.len() + varint::len(length) + self.scratch.len() > RECORDS_BYTES_MAX {
            return Err(BuildError::TooLarge);
        }
        varint::put(&mut self.bytes, length);
        self.bytes.extend_from_slice(&self.scratch);
        let header = &mut self.header;
        header.base_timestamp = base_timestamp;
        header.max_timestamp = if first { timestamp } else { header.max_timestamp.max(timestamp) };
        header.last_offset_delta = offset_delta;
        header.record_count += 1;
        Ok(())
    }

    /// Makes the batch cover offsets up to `offset`, even if no record has it (compaction removed it).
    pub fn extend_to(&mut self, offset: i64) -> Result<(), BuildError> {
        self.header.last_offset_delta = self.delta(offset)?;
        Ok(())
    }

    fn delta(&self, offset: i64) -> Result<i32, BuildError> {
        let BatchHeader { base_offset, last_offset_delta, .. } = self.header;
        offset
            .checked_sub(base_offset)
            .and_then(|delta| i32::try_from(delta).ok())
            // The largest delta is one below `i32::MAX`, so that the record count fits too.
            .filter(|delta| *delta > last_offset_delta && *delta < i32::MAX)
            .ok_or(BuildError::Offset { offset, base_offset })
    }

    /// Size of the batch without compression, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no record was added yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.header.record_count == 0
    }

    /// Records added so far.
    #[must_use]
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// The encoded batch. A batch without records is legal, if compaction removed them.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let Self { mut header, compression, bytes, append_time, .. } = self;
        let mut out = match compression {
            Compression::None => bytes,
            Compression::Gzip | Compression::Snappy | Compression::Lz4 | Compression::Zstd => {
                let mut out = vec![0; BatchHeader::LEN];
                compress(compression, bytes.get(BatchHeader::LEN..).unwrap_or_default(), &mut out);
                out
            }
        };
        let (head, body) = out.split_first_chunk_mut().expect("the header's bytes were put there above");
        header.batch_length = i32::try_from(BatchHeader::LEN - BatchHeader::PREFIX + body.len())
            .expect("no codec grows RECORDS_BYTES_MAX beyond 2 GiB");
        header.max_timestamp = append_time.unwrap_or(header.max_timestamp);
        header.crc = checksum(&header.encode(), body);
        *head = header.encode();
        // Batches are kept in caches, which count their bytes.
        out.shrink_to_fit();
        out.into()
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    varint::put(out, i64::try_from(length).expect("nothing in memory is longer than 2^63"));
}

fn put_nullable(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => varint::put(out, -1),
        Some(field) => {
            put_length(out, field.len());
            out.extend_from_slice(field);
        }
    }
}

fn put_headers<'a>(out: &mut Vec<u8>, headers: impl IntoIterator<Item = Header<'a>>) {
    // The count comes first and takes one byte for nearly all records: reserve one, and move the rest if it takes more.
    let at = out.len();
    out.push(0);
    let mut count = 0;
    for (name, value) in headers {
        put_nullable(out, Some(name));
        put_nullable(out, value);
        count += 1;
    }
    if count > 0 {
        let mut encoded = Vec::with_capacity(1);
        put_length(&mut encoded, count);
        out.splice(at..=at, encoded);
    }
}
