//! The footer: found from the end of the file, verified, then decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use bytes::{Bytes, BytesMut};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, PageIndexPolicy, ParquetMetaDataPushDecoder};

use crate::checksum::{self, Checksums};
use crate::layout::{self, FORMAT_VERSION};
use crate::{FileIdentity, RangedRead, ReadError, fetch};

/// Read at once from the end: more than footer and checksums take in all but huge files.
const TAIL_BYTES: u64 = 128 << 10;
/// Footer and checksums together: far above what `HISTORY_FILE_BYTES_TARGET` needs (about 100 kB).
const TAIL_BYTES_MAX: u64 = 64 << 20;
/// Parquet's own ending: the footer's length and the magic.
const PARQUET_END_BYTES: u64 = 8;
const PARQUET_MAGIC: &[u8; 4] = b"PAR1";

/// A verified and decoded footer.
pub(crate) struct Footer {
    pub(crate) identity: FileIdentity,
    pub(crate) checksums: Checksums,
    pub(crate) parquet: ArrowReaderMetadata,
}

/// Reads, verifies and decodes the footer.
pub(crate) async fn open(source: &dyn RangedRead) -> Result<Footer, ReadError> {
    let size = source.size();
    let mut tail = Tail { start: size, bytes: Bytes::new() };
    tail.reach(source, size.saturating_sub(TAIL_BYTES)).await?;

    let footer_start = tail.parquet_footer().ok_or_else(|| ReadError::corrupt("no parquet footer"))?;
    tail.reach(source, footer_start.saturating_sub(checksum::FIXED_BYTES)).await?;
    let end = tail
        .from(footer_start.saturating_sub(checksum::FIXED_BYTES))
        .and_then(checksum::decode_end)
        .ok_or_else(|| ReadError::corrupt("no checksums before the footer"))?;
    if end.version != FORMAT_VERSION {
        return Err(ReadError::Version(end.version.to_string()));
    }
    if end.covered.checked_add(checksum::section_bytes(end.covered)) != Some(footer_start) {
        return Err(ReadError::corrupt("checksums do not cover the file"));
    }
    tail.reach(source, end.covered).await?;
    let (section, footer) = tail.sections(end.covered, footer_start).ok_or_else(|| ReadError::corrupt("short tail"))?;
    let checksums = Checksums::decode(section).ok_or_else(|| ReadError::corrupt("checksums are damaged"))?;
    if crc_fast::crc32_iscsi(footer) != end.footer {
        return Err(ReadError::corrupt("footer checksum mismatch"));
    }
    let parquet = decode(source, &tail, footer_start, &checksums).await?;
    let identity = identity(parquet.metadata().file_metadata())?;
    Ok(Footer { identity, checksums, parquet })
}

/// Decodes what has been verified, and reads the page index on the way.
async fn decode(
    source: &dyn RangedRead,
    tail: &Tail,
    footer_start: u64,
    checksums: &Checksums,
) -> Result<ArrowReaderMetadata, ReadError> {
    let size = source.size();
    let footer = tail.bytes.slice(usize::try_from(footer_start - tail.start).unwrap_or(usize::MAX)..);
    let mut decoder = unpanicked(|| {
        let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(PageIndexPolicy::Required);
        decoder.push_range(footer_start..size, footer)?;
        Ok(decoder)
    })?;
    let metadata = loop {
        match unpanicked(|| decoder.try_decode())? {
            DecodeResult::Data(metadata) => break metadata,
            DecodeResult::NeedsData(ranges) => {
                let bytes = fetch::verified(source, checksums, &ranges).await?;
                unpanicked(|| decoder.push_ranges(ranges, bytes))?;
            }
            DecodeResult::Finished => return Err(ReadError::corrupt("no metadata in the footer")),
        }
    };
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    unpanicked(|| ArrowReaderMetadata::try_new(metadata.into(), options))
}

/// The result of decoding; an error also where the decoder panics, as it may on bytes that no writer of ours wrote.
pub(crate) fn unpanicked<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ReadError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|error| ReadError::corrupt(error.to_string())),
        Err(_) => Err(ReadError::corrupt("the parquet decoder panicked")),
    }
}

fn identity(file: &FileMetaData) -> Result<FileIdentity, ReadError> {
    let text = |key: &str| {
        let entry = file.key_value_metadata()?.iter().find(|entry| entry.key == key)?;
        entry.value.as_deref()
    };
    match text(layout::key::FORMAT_VERSION) {
        None => return Err(ReadError::corrupt("no format version")),
        Some(version) if version.parse() == Ok(FORMAT_VERSION) => {}
        Some(version) => return Err(ReadError::Version(version.to_owned())),
    }
    let offset = |key| text(key).and_then(|offset| offset.parse().ok()).map(Offset);
    let parse = || {
        let topic_id = TopicId(text(layout::key::TOPIC_ID)?.parse().ok()?);
        let partition = PartitionIndex(text(layout::key::PARTITION)?.parse().ok()?);
        let (start, end) = (offset(layout::key::START_OFFSET)?, offset(layout::key::END_OFFSET)?);
        (Offset(0) <= start && start <= end).then_some(FileIdentity {
            topic: text(layout::key::TOPIC)?.to_owned(),
            partition: TopicPartition::new(topic_id, partition),
            offsets: start..end,
        })
    };
    parse().ok_or_else(|| ReadError::corrupt("metadata is incomplete"))
}

/// The last bytes of the file, read so far.
struct Tail {
    start: u64,
    bytes: Bytes,
}

impl Tail {
    /// Reads on, backwards, up to `start`.
    async fn reach(&mut self, source: &dyn RangedRead, start: u64) -> Result<(), ReadError> {
        if start >= self.start {
            return Ok(());
        }
        if source.size() - start > TAIL_BYTES_MAX {
            return Err(ReadError::corrupt("footer is too large"));
        }
        let before = fetch::exactly(source, start..self.start).await?;
        let mut bytes = BytesMut::with_capacity(before.len() + self.bytes.len());
        bytes.extend_from_slice(&before);
        bytes.extend_from_slice(&self.bytes);
        *self = Self { start, bytes: bytes.freeze() };
        Ok(())
    }

    /// Where the Parquet footer starts, by the length at the very end.
    fn parquet_footer(&self) -> Option<u64> {
        let (_, magic) = self.bytes.split_last_chunk::<4>().filter(|(_, magic)| *magic == PARQUET_MAGIC)?;
        let before = self.bytes.get(..self.bytes.len() - magic.len())?;
        let (_, length) = before.split_last_chunk::<4>()?;
        let size = self.start + u64::try_from(self.bytes.len()).ok()?;
        size.checked_sub(PARQUET_END_BYTES)?.checked_sub(u32::from_le_bytes(*length).into())
    }

    fn from(&self, position: u64) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(position.checked_sub(self.start)?).ok()?..)
    }

    /// The checksums and the footer, each without what follows.
    fn sections(&self, covered: u64, footer_start: u64) -> Option<(&[u8], &[u8])> {
        let both = self.from(covered)?;
        let (section, footer) = both.split_at_checked(usize::try_from(footer_start.checked_sub(covered)?).ok()?)?;
        let footer = footer.get(..footer.len().checked_sub(usize::try_from(PARQUET_END_BYTES).ok()?)?)?;
        Some((section, footer))
    }
}
