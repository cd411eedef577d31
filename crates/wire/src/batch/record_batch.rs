//! One whole batch: parsing, validation, re-basing. Its parts are slices of the bytes it was parsed from.

use bytes::Bytes;

use super::header::checksum;
use super::records::Records;
use super::{BatchError, BatchHeader, Compression};

/// First version of Produce requests that may carry Zstandard (KIP-110).
const ZSTD_PRODUCE_VERSION: i16 = 7;

/// One whole batch: its parsed header, and its bytes as slices of the input.
#[derive(Clone, Debug)]
pub struct Batch {
    header: BatchHeader,
    /// The 61 bytes of the header.
    head: Bytes,
    /// The records as stored.
    body: Bytes,
    /// Header and records as one slice; `None` if the header was replaced.
    whole: Option<Bytes>,
}

impl Batch {
    /// Splits the first batch off `bytes`. Checks only its magic and length; see [`Batch::validate`].
    pub fn parse(bytes: &mut Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        let len = header.len()?;
        if bytes.len() < len {
            return Err(BatchError::Truncated { have: bytes.len(), want: len });
        }
        let whole = bytes.split_to(len);
        let mut head = whole.clone();
        let body = head.split_off(BatchHeader::LEN);
        Ok(Self { header, head, body, whole: Some(whole) })
    }

    /// The single batch in `bytes`, for stored bytes: it is an error if there is none, or anything after it.
    pub fn exactly_one(mut bytes: Bytes) -> Result<Self, BatchError> {
        let batch = Self::parse(&mut bytes)?;
        if bytes.is_empty() { Ok(batch) } else { Err(BatchError::Trailing { bytes: bytes.len() }) }
    }

    /// The single batch that a client sent: it is an error if there is none, or a second one. Like Kafka, ignores less
    /// than a batch after it.
    pub fn sent(mut bytes: Bytes) -> Result<Self, BatchError> {
        let batch = Self::parse(&mut bytes)?;
        let rest = bytes.len();
        match Self::parse(&mut bytes) {
            Err(BatchError::Empty | BatchError::Truncated { .. }) => Ok(batch),
            Ok(_) => Err(BatchError::Trailing { bytes: rest }),
            Err(error) => Err(error),
        }
    }

    /// Whether a client may append this batch, by its header and checksum.
    pub fn validate(&self) -> Result<(), BatchError> {
        self.verify_crc()?;
        let BatchHeader { attributes, last_offset_delta, record_count: count, .. } = self.header;
        if count <= 0 || count.checked_sub(1) != Some(last_offset_delta) {
            return Err(BatchError::Count { count, last_offset_delta });
        }
        if attributes.is_control() {
            return Err(BatchError::Control);
        }
        let BatchHeader { producer_id, base_sequence, .. } = self.header;
        if producer_id >= 0 && base_sequence < 0 {
            return Err(BatchError::Sequence { producer_id, base_sequence });
        }
        attributes.compression().map(|_| ())
    }

    /// Whether a Produce request of `version` may carry this batch's codec (KIP-110).
    pub fn check_produce_version(&self, version: i16) -> Result<(), BatchError> {
        if version < ZSTD_PRODUCE_VERSION && self.header.attributes.compression()? == Compression::Zstd {
            return Err(BatchError::ZstdTooOld { version });
        }
        Ok(())
    }

    /// Whether the bytes match the checksum.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = self.header.checksum(&self.body);
        let stored = self.header.crc;
        if computed == stored { Ok(()) } else { Err(BatchError::Crc { stored, computed }) }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The records as stored, with the compression in the header.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Size of the whole batch in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no batch is empty")]
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// The whole batch as two slices, without a copy; the second may be empty.
    #[must_use]
    pub fn parts(&self) -> [Bytes; 2] {
        match &self.whole {
            Some(whole) => [whole.clone(), Bytes::new()],
            None => [self.head.clone(), self.body.clone()],
        }
    }

    /// The whole batch as one slice: a copy only after [`Batch::with_log_append_time`] (prefer [`Batch::parts`]).
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match &self.whole {
            Some(whole) => whole.clone(),
            None => [self.head.as_ref(), self.body.as_ref()].concat().into(),
        }
    }

    /// The batch with another base offset and leader epoch. Both are outside the checksum, so only the 61 bytes of the
    /// header are new, and the records are shared.
    #[must_use]
    pub fn rebased(&self, base_offset: i64, leader_epoch: i32) -> [Bytes; 2] {
        let header = BatchHeader { base_offset, leader_epoch, ..self.header };
        [Bytes::copy_from_slice(&header.encode()), self.body.clone()]
    }

    /// The batch with every record's timestamp set by the log; the checksum is computed again, nothing is decompressed.
    #[must_use]
    pub fn with_log_append_time(&self, timestamp: i64) -> Self {
        let attributes = self.header.attributes.with_log_append_time();
        let mut header = BatchHeader { attributes, max_timestamp: timestamp, ..self.header };
        header.crc = checksum(&header.encode(), &self.body);
        Self { header, head: Bytes::copy_from_slice(&header.encode()), body: self.body.clone(), whole: None }
    }

    /// The records, decompressed to at most `limit` bytes.
    pub fn records(&self, limit: usize) -> Result<Records, BatchError> {
        Records::decompress(self.header, &self.body, limit)
    }
}

/// Iterates consecutive batches, each with its checksum verified. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Batches(Bytes);

impl Batches {
    /// The batches in `bytes`, such as a run of a segment.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let batch = Batch::parse(&mut self.0).and_then(|batch| batch.verify_crc().map(|()| batch));
        if batch.is_err() {
            self.0 = Bytes::new();
        }
        Some(batch)
    }
}
