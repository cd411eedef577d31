//! Decoding: from the end of an object to its footer. Stored bytes are not trusted.

use alluvium_model::{PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId, TopicPartition};
use uuid::Uuid;

use crate::encode::checksum;
use crate::layout::{HEADER_LEN, HEADER_MAGIC, PRODUCER_LEN, RUN_LEN, TRAILER_LEN, TRAILER_MAGIC, VERSION};
use crate::{Footer, ProducerRun, Run};

/// Why bytes cannot be decoded as a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The tail does not contain the whole footer: read this many bytes of the object's end, and decode again.
    #[error("the footer needs the last {bytes} bytes of the object")]
    TailTooShort {
        /// Bytes of the object's end that are needed.
        bytes: u64,
    },
    /// Another kind of object, or a part of one.
    #[error("not a segment: the magic is missing")]
    Magic,
    /// Written by a newer release.
    #[error("segment format version {0} is unknown (this release reads {VERSION})")]
    Version(u32),
    /// The footer is damaged.
    #[error("segment footer CRC is {computed:#010x} but {stored:#010x} is stored")]
    FooterCrc {
        /// The checksum in the trailer.
        stored: u32,
        /// The checksum of the footer's bytes.
        computed: u32,
    },
    /// The checksum is right, but the content is not: a bug of the writer.
    #[error("segment footer is malformed: {0}")]
    Footer(&'static str),
    /// The bytes of a run are damaged, or belong to something else.
    #[error("run CRC is {computed:#010x} but {stored:#010x} is stored")]
    RunCrc {
        /// The checksum in the footer.
        stored: u32,
        /// The checksum of the run's bytes.
        computed: u32,
    },
}

/// Checks that `start`, the first 16 bytes or more of an object, is the header of a segment of a known version.
pub fn verify_header(start: &[u8]) -> Result<(), FormatError> {
    let mut reader = ByteReader(start);
    if reader.take().as_ref() != Some(HEADER_MAGIC) {
        return Err(FormatError::Magic);
    }
    version(reader.take().ok_or(FormatError::Magic)?)
}

/// Checks the checksum of `bytes`, those of `run`. Needs no other part of the object.
pub fn verify_run(run: &Run, bytes: &[u8]) -> Result<(), FormatError> {
    let (stored, computed) = (run.crc, checksum(bytes));
    if stored == computed { Ok(()) } else { Err(FormatError::RunCrc { stored, computed }) }
}

impl Footer {
    /// The footer of a whole `object`, if all of its checksums are right: then it is byte for byte what was written.
    pub fn verify_whole(object: &[u8]) -> Result<Self, FormatError> {
        verify_header(object)?;
        let footer = Self::decode(object, object.len() as u64)?;
        for run in &footer.runs {
            let position = usize::try_from(run.position.start).ok().zip(usize::try_from(run.position.end).ok());
            let bytes = position.and_then(|(start, end)| object.get(start..end));
            verify_run(run, bytes.ok_or(FormatError::Footer("a run lies outside the object"))?)?;
        }
        Ok(footer)
    }

    /// The footer of an object of `object_bytes` bytes, from its last bytes `tail` (64 KiB are nearly always enough).
    pub fn decode(tail: &[u8], object_bytes: u64) -> Result<Self, FormatError> {
        let least = (HEADER_LEN + TRAILER_LEN) as u64;
        if object_bytes < least {
            return Err(FormatError::Magic);
        }
        let (before, trailer) =
            tail.split_last_chunk().ok_or(FormatError::TailTooShort { bytes: TRAILER_LEN as u64 })?;
        let (footer_bytes, stored) = decode_trailer(trailer)?;
        let start = object_bytes
            .checked_sub(TRAILER_LEN as u64)
            .and_then(|end| end.checked_sub(footer_bytes))
            .filter(|start| *start >= HEADER_LEN as u64)
            .ok_or(FormatError::Footer("it is longer than the object"))?;
        let footer = usize::try_from(footer_bytes)
            .ok()
            .and_then(|bytes| before.len().checked_sub(bytes))
            .and_then(|at| before.get(at..))
            .ok_or(FormatError::TailTooShort { bytes: object_bytes - start })?;
        let computed = checksum(footer);
        if stored != computed {
            return Err(FormatError::FooterCrc { stored, computed });
        }
        decode_footer(footer, start)
    }
}

fn decode_trailer(trailer: &[u8; TRAILER_LEN]) -> Result<(u64, u32), FormatError> {
    let mut reader = ByteReader(trailer);
    let footer_bytes = reader.u64()?;
    let crc = reader.u32()?;
    let stored_version = reader.u32()?;
    if reader.0 != TRAILER_MAGIC {
        return Err(FormatError::Magic);
    }
    version(stored_version.to_be_bytes())?;
    Ok((footer_bytes, crc))
}

fn version(stored: [u8; 4]) -> Result<(), FormatError> {
    match u32::from_be_bytes(stored) {
        VERSION => Ok(()),
        other => Err(FormatError::Version(other)),
    }
}

fn decode_footer(bytes: &[u8], footer_start: u64) -> Result<Footer, FormatError> {
    let mut reader = ByteReader(bytes);
    let writer = reader.u32()?;
    let created = Timestamp(reader.i64()?);
    let count = reader.count(RUN_LEN)?;
    let mut runs: Vec<Run> = Vec::with_capacity(count);
    let mut position = HEADER_LEN as u64;
    for _ in 0..count {
        let run = decode_run(&mut reader)?;
        if run.position.start != position || run.position.is_empty() {
            return Err(FormatError::Footer("runs are not back to back"));
        }
        if runs.last().is_some_and(|last| last.partition >= run.partition) {
            return Err(FormatError::Footer("runs are not sorted"));
        }
        position = run.position.end;
        runs.push(run);
    }
    if position != footer_start {
        return Err(FormatError::Footer("runs do not end where it starts"));
    }
    if reader.0.is_empty() {
        Ok(Footer { writer, created, runs })
    } else {
        Err(FormatError::Footer("bytes are left over"))
    }
}

fn decode_run(reader: &mut ByteReader<'_>) -> Result<Run, FormatError> {
    let topic = TopicId(Uuid::from_bytes(reader.take().ok_or(TRUNCATED)?));
    let partition = TopicPartition::new(topic, PartitionIndex(reader.i32()?));
    let position = reader.u64()?..reader.u64()?;
    let records = reader.u64()?;
    let batches = reader.u32()?;
    let timestamps = (Timestamp(reader.i64()?), Timestamp(reader.i64()?));
    let crc = reader.u32()?;
    let producers = (0..reader.count(PRODUCER_LEN)?).map(|_| decode_producer(reader)).collect::<Result<_, _>>()?;
    Ok(Run { partition, position, records, batches, timestamps, producers, crc })
}

fn decode_producer(reader: &mut ByteReader<'_>) -> Result<ProducerRun, FormatError> {
    Ok(ProducerRun {
        id: ProducerId(reader.i64()?),
        epoch: ProducerEpoch(i16::from_be_bytes(reader.take().ok_or(TRUNCATED)?)),
        first: Sequence(reader.i32()?),
        last: Sequence(reader.i32()?),
    })
}

const TRUNCATED: FormatError = FormatError::Footer("it is truncated");

/// Big-endian fields, one after another.
struct ByteReader<'a>(&'a [u8]);

impl ByteReader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn i32(&mut self) -> Result<i32, FormatError> {
        self.take().map(i32::from_be_bytes).ok_or(TRUNCATED)
    }

    fn u32(&mut self) -> Result<u32, FormatError> {
        self.take().map(u32::from_be_bytes).ok_or(TRUNCATED)
    }

    fn i64(&mut self) -> Result<i64, FormatError> {
        self.take().map(i64::from_be_bytes).ok_or(TRUNCATED)
    }

    fn u64(&mut self) -> Result<u64, FormatError> {
        self.take().map(u64::from_be_bytes).ok_or(TRUNCATED)
    }

    /// A count of items of at least `each` bytes; an error if the remaining bytes cannot hold so many.
    fn count(&mut self, each: usize) -> Result<usize, FormatError> {
        let count = self.u32()? as usize;
        if count.saturating_mul(each) > self.0.len() { Err(TRUNCATED) } else { Ok(count) }
    }
}
