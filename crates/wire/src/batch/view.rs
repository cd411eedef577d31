//! One whole batch, as a view of the bytes that it came in.

use bytes::Bytes;

use super::header::checksum;
use super::records::Records;
use super::{BatchError, BatchHeader, Compression};

/// Produce requests older than this may not carry Zstandard (KIP-110).
const ZSTD_PRODUCE_VERSION: i16 = 7;

/// One whole batch: its header, and its bytes as slices of where they came from.
#[derive(Clone, Debug)]
pub struct Batch {
    header: BatchHeader,
    /// The 61 bytes of the header.
    head: Bytes,
    /// The records, as they are stored.
    body: Bytes,
    /// Header and records in one slice, unless the header was replaced.
    whole: Option<Bytes>,
}

impl Batch {
    /// Splits the first whole batch off `bytes`. Only its magic and length are checked; see [`Batch::validate`].
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

    /// The one batch that `bytes` hold: none, or anything after it, is an error (what is stored).
    pub fn exactly_one(mut bytes: Bytes) -> Result<Self, BatchError> {
        let batch = Self::parse(&mut bytes)?;
        if bytes.is_empty() { Ok(batch) } else { Err(BatchError::Trailing { bytes: bytes.len() }) }
    }

    /// The one batch that a client sent: none, or a second one, is an error. Less than a batch after it is ignored, as
    /// Kafka does.
    pub fn sent(mut bytes: Bytes) -> Result<Self, BatchError> {
        let batch = Self::parse(&mut bytes)?;
        let rest = bytes.len();
        match Self::parse(&mut bytes) {
            Err(BatchError::Empty | BatchError::Truncated { .. }) => Ok(batch),
            Ok(_) => Err(BatchError::Trailing { bytes: rest }),
            Err(error) => Err(error),
        }
    }

    /// Whether a client may append this batch, as far as the header and the checksum tell.
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

    /// Whether Produce `version` may carry this batch's codec (KIP-110).
    pub fn check_produce_version(&self, version: i16) -> Result<(), BatchError> {
        if version < ZSTD_PRODUCE_VERSION && self.header.attributes.compression()? == Compression::Zstd {
            return Err(BatchError::ZstdTooOld { version });
        }
        Ok(())
    }

    /// Whether the bytes are those that the checksum was taken of.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = self.header.checksum(&self.body);
        let stored = self.header.crc;
        if computed == stored { Ok(()) } else { Err(BatchError::Crc { stored, computed }) }
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// Its records as stored: compressed as the header says.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Bytes of the whole batch.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no batch is empty")]
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// The whole batch as at most two slices, without copying; the second may be empty.
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

    /// The batch at another offset and leader epoch: both lie outside the checksum, so 61 bytes are new and the records
    /// are shared.
    #[must_use]
    pub fn rebased(&self, base_offset: i64, leader_epoch: i32) -> [Bytes; 2] {
        let header = BatchHeader { base_offset, leader_epoch, ..self.header };
        [Bytes::copy_from_slice(&header.encode()), self.body.clone()]
    }

    /// The batch with every record's timestamp set by the log; the checksum is taken again, nothing is decompressed.
    #[must_use]
    pub fn with_log_append_time(&self, timestamp: i64) -> Self {
        let attributes = self.header.attributes.with_log_append_time();
        let mut header = BatchHeader { attributes, max_timestamp: timestamp, ..self.header };
        header.crc = checksum(&header.encode(), &self.body);
        Self { header, head: Bytes::copy_from_slice(&header.encode()), body: self.body.clone(), whole: None }
    }

    /// Its records, decompressed to at most `limit` bytes.
    pub fn records(&self, limit: usize) -> Result<Records, BatchError> {
        Records::decompress(self.header, &self.body, limit)
    }
}

/// The batches that lie back to back in some bytes, each with its checksum verified; ends after the first error.
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
