//! The 61-byte header of a batch: parsing, encoding, checksum.

use crc_fast::{CrcAlgorithm, Digest};

use super::{Attributes, BatchError};

/// The fields of a batch's header as stored. The layout is in the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Bytes after this field: the size of the batch minus 12.
    pub batch_length: i32,
    /// Leader epoch of the partition when the batch was appended.
    pub leader_epoch: i32,
    /// Message format: 2.
    pub magic: i8,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type, and the transactional and control bits.
    pub attributes: Attributes,
    /// Offset of the last record minus the base offset.
    pub last_offset_delta: i32,
    /// Timestamp of the first record, ms; the others are stored as deltas to it.
    pub base_timestamp: i64,
    /// Largest timestamp of a record, or the append time; ms.
    pub max_timestamp: i64,
    /// Id of the idempotent producer, or -1.
    pub producer_id: i64,
    /// Epoch of the producer, or -1.
    pub producer_epoch: i16,
    /// Sequence of the first record, or -1.
    pub base_sequence: i32,
    /// Number of records.
    pub record_count: i32,
}

impl BatchHeader {
    /// Size of a header in bytes.
    pub const LEN: usize = 61;
    /// Bytes up to the end of the length field, which does not count them.
    pub(super) const PREFIX: usize = 12;
    /// Position at which the checksummed part starts.
    pub(super) const CRC_FROM: usize = 21;
    /// The only supported message format.
    pub(super) const MAGIC: i8 = 2;
    const MAGIC_AT: usize = 16;

    /// The header at the start of `bytes`. Checks only the magic, and that the length is possible.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.is_empty() {
            return Err(BatchError::Empty);
        }
        // Formats 0 and 1 have the magic at the same position but a shorter header: check it before the length.
        if let Some(magic) = bytes.get(Self::MAGIC_AT) {
            let magic = i8::from_be_bytes([*magic]);
            if magic != Self::MAGIC {
                return Err(BatchError::Magic(magic));
            }
        }
        let header = bytes.first_chunk::<{ Self::LEN }>().map(Self::decode);
        let header = header.ok_or(BatchError::Truncated { have: bytes.len(), want: Self::LEN })?;
        header.len()?;
        Ok(header)
    }

    /// Size of the whole batch in bytes, this header included.
    #[expect(clippy::len_without_is_empty, reason = "no batch is empty")]
    pub fn len(&self) -> Result<usize, BatchError> {
        usize::try_from(self.batch_length)
            .ok()
            .and_then(|length| length.checked_add(Self::PREFIX))
            .filter(|len| *len >= Self::LEN)
            .ok_or(BatchError::Length(self.batch_length))
    }

    fn decode(bytes: &[u8; Self::LEN]) -> Self {
        let mut fields = Fields(bytes);
        Self {
            base_offset: i64::from_be_bytes(fields.take()),
            batch_length: i32::from_be_bytes(fields.take()),
            leader_epoch: i32::from_be_bytes(fields.take()),
            magic: i8::from_be_bytes(fields.take()),
            crc: u32::from_be_bytes(fields.take()),
            attributes: Attributes(i16::from_be_bytes(fields.take())),
            last_offset_delta: i32::from_be_bytes(fields.take()),
            base_timestamp: i64::from_be_bytes(fields.take()),
            max_timestamp: i64::from_be_bytes(fields.take()),
            producer_id: i64::from_be_bytes(fields.take()),
            producer_epoch: i16::from_be_bytes(fields.take()),
            base_sequence: i32::from_be_bytes(fields.take()),
            record_count: i32::from_be_bytes(fields.take()),
        }
    }

    /// The 61 bytes of this header.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let mut rest = out.as_mut_slice();
        for field in [
            self.base_offset.to_be_bytes().as_slice(),
            &self.batch_length.to_be_bytes(),
            &self.leader_epoch.to_be_bytes(),
            &self.magic.to_be_bytes(),
            &self.crc.to_be_bytes(),
            &self.attributes.0.to_be_bytes(),
            &self.last_offset_delta.to_be_bytes(),
            &self.base_timestamp.to_be_bytes(),
            &self.max_timestamp.to_be_bytes(),
            &self.producer_id.to_be_bytes(),
            &self.producer_epoch.to_be_bytes(),
            &self.base_sequence.to_be_bytes(),
            &self.record_count.to_be_bytes(),
        ] {
            let (at, after) = rest.split_at_mut(field.len());
            at.copy_from_slice(field);
            rest = after;
        }
        out
    }

    /// The checksum that this header and `body` should carry.
    #[must_use]
    pub fn checksum(&self, body: &[u8]) -> u32 {
        checksum(&self.encode(), body)
    }
}

/// CRC-32C of a batch: `head` from the attributes on, then `body`.
#[expect(clippy::cast_possible_truncation, reason = "the digest returns a 32-bit CRC in the low half of 64 bits")]
pub(super) fn checksum(head: &[u8; BatchHeader::LEN], body: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(head.split_at(BatchHeader::CRC_FROM).1);
    digest.update(body);
    digest.finalize() as u32
}

/// Consecutive fixed-size fields of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the fields of a header add up to its length");
        self.0 = rest;
        *field
    }
}
