//! Checksums over every byte of the file. Parquet requires none, and its decoders trust their input: on damaged bytes
//! they have looped without end, panicked, and allocated whatever size they found. So bytes are decoded only after they
//! have been verified.
//!
//! Parquet finds its footer from the end of the file and everything else by absolute position, so a section before the
//! footer is invisible to other readers. All numbers are big-endian except Parquet's own:
//!
//! ```text
//! | row groups, page index | CRC-32C of each 64 KiB block of the bytes to the left: 4 × n
//! | bytes covered: 8 | format version: 4 | footer CRC-32C: 4 | CRC-32C of this section so far: 4 | "AVCK": 4
//! | Parquet footer | its length, little-endian: 4 | "PAR1" |
//! ```

use std::ops::Range;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::schema::FormatVersion;

/// Bytes of one block: the unit of verification, and so the smallest read.
const BLOCK_BYTES: u64 = 64 << 10;
/// Bytes of the section besides its block checksums.
pub(crate) const FIXED_BYTES: u64 = 24;
const MAGIC: &[u8; 4] = b"AVCK";

/// Checksums of one file's bytes up to the section.
#[derive(Clone, Debug)]
pub(crate) struct Checksums {
    covered: u64,
    blocks: Arc<[u32]>,
}

/// The fixed part at the end of the section, after the block checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SectionEnd {
    /// Bytes that the block checksums cover.
    pub(crate) covered: u64,
    /// Format version of the file.
    pub(crate) version: u32,
    /// CRC-32C of the Parquet footer.
    pub(crate) footer: u32,
}

/// The section for a file whose bytes before the footer are `parts`.
pub(crate) fn encode<'a>(parts: impl Iterator<Item = &'a Bytes>, footer: &[u8]) -> Bytes {
    let mut section = BytesMut::new();
    let mut digest = BlockDigest::default();
    for part in parts {
        digest.update(part, &mut section);
    }
    let covered = digest.finish(&mut section);
    section.put_u64(covered);
    section.put_u32(FormatVersion::Two.number());
    section.put_u32(crc_fast::crc32_iscsi(footer));
    section.put_u32(crc_fast::crc32_iscsi(&section));
    section.put_slice(MAGIC);
    section.freeze()
}

/// Decodes the fixed part at the start of `bytes`; `None` if there is none.
pub(crate) fn decode_end(bytes: &[u8]) -> Option<SectionEnd> {
    let (covered, rest) = bytes.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (footer, rest) = rest.split_first_chunk::<4>()?;
    let (_, magic) = rest.split_first_chunk::<4>()?;
    magic.starts_with(MAGIC).then(|| SectionEnd {
        covered: u64::from_be_bytes(*covered),
        version: u32::from_be_bytes(*version),
        footer: u32::from_be_bytes(*footer),
    })
}

/// Size of the whole section in a file with `covered` bytes before it.
pub(crate) fn section_bytes(covered: u64) -> u64 {
    covered.div_ceil(BLOCK_BYTES).saturating_mul(4).saturating_add(FIXED_BYTES)
}

impl Checksums {
    /// Decodes the whole section; `None` if it is damaged.
    pub(crate) fn decode(section: &[u8]) -> Option<Self> {
        let checked = section.len().checked_sub(8)?;
        let (checked, crc) = section.split_at_checked(checked)?;
        let (crc, _magic) = crc.split_first_chunk::<4>()?;
        let end = decode_end(section.get(section.len().checked_sub(usize::try_from(FIXED_BYTES).ok()?)?..)?)?;
        let intact = crc_fast::crc32_iscsi(checked) == u32::from_be_bytes(*crc);
        let blocks = checked.get(..checked.len().checked_sub(16)?)?;
        let (blocks, []) = blocks.as_chunks::<4>() else { return None };
        let whole = section_bytes(end.covered) == u64::try_from(section.len()).ok()?;
        (intact && whole).then(|| Self {
            covered: end.covered,
            blocks: blocks.iter().map(|block| u32::from_be_bytes(*block)).collect(),
        })
    }

    /// Memory of the checksums, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.blocks.len() * size_of::<u32>()
    }

    /// The smallest range of whole blocks around `range`; `None` if `range` is not covered.
    pub(crate) fn aligned(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let start = range.start / BLOCK_BYTES * BLOCK_BYTES;
        let end = range.end.checked_next_multiple_of(BLOCK_BYTES)?.min(self.covered);
        (range.start < range.end && range.end <= self.covered).then_some(start..end)
    }

    /// Whether `bytes`, read from the block-aligned position `start`, match their checksums.
    pub(crate) fn verify(&self, start: u64, bytes: &[u8]) -> bool {
        let Ok(first) = usize::try_from(start / BLOCK_BYTES) else { return false };
        let block_bytes = usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX);
        let expected = self.blocks.get(first..).unwrap_or_default();
        let blocks = bytes.chunks(block_bytes);
        start.is_multiple_of(BLOCK_BYTES)
            && blocks.len() <= expected.len()
            && blocks.zip(expected).all(|(block, expected)| crc_fast::crc32_iscsi(block) == *expected)
    }
}

/// Computes block checksums over a stream of parts.
#[derive(Default)]
struct BlockDigest {
    pending: BytesMut,
    covered: u64,
}

impl BlockDigest {
    fn update(&mut self, mut part: &[u8], section: &mut BytesMut) {
        let block_bytes = usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX);
        self.covered += u64::try_from(part.len()).unwrap_or(u64::MAX);
        while !part.is_empty() {
            let taken = (block_bytes - self.pending.len()).min(part.len());
            let (block, rest) = part.split_at(taken);
            if self.pending.is_empty() && taken == block_bytes {
                section.put_u32(crc_fast::crc32_iscsi(block));
            } else {
                self.pending.extend_from_slice(block);
                if self.pending.len() == block_bytes {
                    section.put_u32(crc_fast::crc32_iscsi(&self.pending.split()));
                }
            }
            part = rest;
        }
    }

    fn finish(self, section: &mut BytesMut) -> u64 {
        if !self.pending.is_empty() {
            section.put_u32(crc_fast::crc32_iscsi(&self.pending));
        }
        self.covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_verifies_its_bytes_however_they_were_split() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_be_bytes()[3]).collect();
        let whole = encode([Bytes::from(bytes.clone())].iter(), b"footer");
        let parts: Vec<Bytes> = bytes.chunks(7_777).map(Bytes::copy_from_slice).collect();
        assert_eq!(encode(parts.iter(), b"footer"), whole);

        let checksums = Checksums::decode(&whole).expect("intact");
        assert_eq!(checksums.covered, 200_000);
        assert_eq!(checksums.aligned(&(70_000..140_000)), Some(65_536..196_608));
        assert!(checksums.verify(65_536, &bytes[65_536..196_608]));
        assert!(checksums.verify(196_608, &bytes[196_608..]));
        let mut flipped = bytes[65_536..196_608].to_vec();
        flipped[100_000] ^= 1;
        assert!(!checksums.verify(65_536, &flipped));
    }

    #[test]
    fn a_damaged_section_is_rejected() {
        let section = encode([Bytes::from_static(b"rows")].iter(), b"footer");
        for position in 0..section.len() {
            let mut damaged = section.to_vec();
            damaged[position] ^= 0x10;
            assert!(Checksums::decode(&damaged).is_none(), "byte {position}");
        }
        assert!(Checksums::decode(&section[1..]).is_none());
        assert!(Checksums::decode(&[]).is_none());
    }
}
