//! Reads the footer: finds it from the end of the file, verifies it, decodes it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::{Bytes, BytesMut};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataPushDecoder};

use crate::checksum::{self, Checksums};
use crate::schema::FormatVersion;
use crate::{FileIdentity, RangedRead, ReadError, verified_read};

/// Bytes first read from the end: more than footer and checksums take in all but very large files.
const TAIL_BYTES: u64 = 128 << 10;
/// Largest size of footer and checksums together: far above what `HISTORY_FILE_BYTES_TARGET` needs (about 100 kB).
const TAIL_BYTES_MAX: u64 = 64 << 20;
/// The end of every Parquet file: the footer's length and the magic.
const PARQUET_END_BYTES: u64 = 8;
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";

/// A verified and decoded footer.
pub(crate) struct Footer {
    /// The partitions of the file, rising.
    pub(crate) identities: Vec<FileIdentity>,
    pub(crate) checksums: Checksums,
    pub(crate) parquet: ArrowReaderMetadata,
}

impl Footer {
    /// Reads, verifies and decodes the footer.
    pub(crate) async fn read(source: &dyn RangedRead) -> Result<Self, ReadError> {
        let size = source.size();
        let mut tail = FileTail { start: size, bytes: Bytes::new() };
        tail.extend_to(source, size.saturating_sub(TAIL_BYTES)).await?;

        let footer_start = tail.parquet_footer().ok_or_else(|| ReadError::corrupt("no parquet footer"))?;
        tail.extend_to(source, footer_start.saturating_sub(checksum::FIXED_BYTES)).await?;
        let end = tail
            .from(footer_start.saturating_sub(checksum::FIXED_BYTES))
            .and_then(checksum::decode_end)
            .ok_or_else(|| ReadError::corrupt("no checksums before the footer"))?;
        let version = FormatVersion::of(end.version).ok_or_else(|| ReadError::Version(end.version.to_string()))?;
        if end.covered.checked_add(checksum::section_bytes(end.covered)) != Some(footer_start) {
            return Err(ReadError::corrupt("checksums do not cover the file"));
        }
        tail.extend_to(source, end.covered).await?;
        let (section, footer) =
            tail.sections(end.covered, footer_start).ok_or_else(|| ReadError::corrupt("short tail"))?;
        let checksums = Checksums::decode(section).ok_or_else(|| ReadError::corrupt("checksums are damaged"))?;
        if crc_fast::crc32_iscsi(footer) != end.footer {
            return Err(ReadError::corrupt("footer checksum mismatch"));
        }
        let parquet = decode(source, &tail, footer_start, &checksums).await?;
        let identities = FileIdentity::from_metadata(version, parquet.metadata().file_metadata())?;
        Ok(Self { identities, checksums, parquet })
    }
}

/// Decodes the verified footer, and reads the page index.
async fn decode(
    source: &dyn RangedRead,
    tail: &FileTail,
    footer_start: u64,
    checksums: &Checksums,
) -> Result<ArrowReaderMetadata, ReadError> {
    let size = source.size();
    let footer = tail.bytes.slice(usize::try_from(footer_start - tail.start).unwrap_or(usize::MAX)..);
    let mut decoder = catch_panic(|| {
        let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(PageIndexPolicy::Required);
        decoder.push_range(footer_start..size, footer)?;
        Ok(decoder)
    })?;
    let metadata = loop {
        match catch_panic(|| decoder.try_decode())? {
            DecodeResult::Data(metadata) => break metadata,
            DecodeResult::NeedsData(ranges) => {
                let bytes = verified_read::read_ranges(source, checksums, &ranges).await?;
                catch_panic(|| decoder.push_ranges(ranges, bytes))?;
            }
            DecodeResult::Finished => return Err(ReadError::corrupt("no metadata in the footer")),
        }
    };
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    catch_panic(|| ArrowReaderMetadata::try_new(metadata.into(), options))
}

/// Runs a decoder and turns a panic into an error: decoders may panic on bytes that our writer did not write.
pub(crate) fn catch_panic<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ReadError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|error| ReadError::corrupt(error.to_string())),
        Err(_) => Err(ReadError::corrupt("the parquet decoder panicked")),
    }
}

/// The last bytes of the file, as far as they were read.
struct FileTail {
    start: u64,
    bytes: Bytes,
}

impl FileTail {
    /// Extends it backwards to the file position `start`.
    async fn extend_to(&mut self, source: &dyn RangedRead, start: u64) -> Result<(), ReadError> {
        if start >= self.start {
            return Ok(());
        }
        if source.size() - start > TAIL_BYTES_MAX {
            return Err(ReadError::corrupt("footer is too large"));
        }
        let before = verified_read::read_exactly(source, start..self.start).await?;
        let mut bytes = BytesMut::with_capacity(before.len() + self.bytes.len());
        bytes.extend_from_slice(&before);
        bytes.extend_from_slice(&self.bytes);
        *self = Self { start, bytes: bytes.freeze() };
        Ok(())
    }

    /// Start of the Parquet footer, by its length at the end of the file.
    fn parquet_footer(&self) -> Option<u64> {
        let (_, magic) = self.bytes.split_last_chunk::<4>().filter(|(_, magic)| *magic == PARQUET_MAGIC)?;
        let before = self.bytes.get(..self.bytes.len() - magic.len())?;
        let (_, length) = before.split_last_chunk::<4>()?;
        let size = self.start + u64::try_from(self.bytes.len()).ok()?;
        size.checked_sub(PARQUET_END_BYTES)?.checked_sub(u32::from_le_bytes(*length).into())
    }

    /// The bytes from `position` on.
    fn from(&self, position: u64) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(position.checked_sub(self.start)?).ok()?..)
    }

    /// The checksum section and the footer, each without the bytes that follow it.
    fn sections(&self, covered: u64, footer_start: u64) -> Option<(&[u8], &[u8])> {
        let both = self.from(covered)?;
        let (section, footer) = both.split_at_checked(usize::try_from(footer_start.checked_sub(covered)?).ok()?)?;
        let footer = footer.get(..footer.len().checked_sub(usize::try_from(PARQUET_END_BYTES).ok()?)?)?;
        Some((section, footer))
    }
}
