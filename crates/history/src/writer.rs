//! Writes the records of one partition, or of several of a topic, into one Parquet file.

use std::io;

use alluvium_model::{Offset, PartitionIndex, Timestamp, TopicPartition};
use bytes::{Bytes, BytesMut};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::{KeyValue, RowGroupMetaData};

use crate::arrow_columns::ColumnsBuilder;
use crate::schema::{self, CHUNK_BYTES, CHUNK_ROWS_MAX, RECORD_OVERHEAD_BYTES, ROW_GROUP_BYTES};
use crate::{FileIdentity, HistoryCompression, HistoryRecord, checksum};

/// Largest payload of one record: Kafka's own limits are far lower, and Arrow's column offsets end at twice this size.
const RECORD_BYTES_MAX: usize = 1 << 30;
/// Bytes of one part of the output.
const PART_BYTES: usize = 1 << 20;
/// What a row group takes of the footer and of the page index, bytes, about.
const FOOTER_BYTES_PER_ROW_GROUP: usize = 2_000;
/// The end of every Parquet file: the footer's length and the magic.
const PARQUET_END_BYTES: usize = 8;

/// Writes one history file, partition by partition and record by record. It only does CPU work: call it off the async
/// threads.
///
/// Memory: the compressed file so far, one row group of compressed pages, one chunk of records.
pub struct HistoryWriter {
    parquet: ArrowWriter<PartBuffer>,
    columns: ColumnsBuilder,
    /// The partitions that are complete.
    done: Vec<WrittenPartition>,
    identity: FileIdentity,
    next: Offset,
    chunk: ChunkSize,
    row_group_bytes: usize,
    /// Row groups of the partitions that are complete.
    row_groups_done: usize,
    records: u64,
    timestamps: Option<(Timestamp, Timestamp)>,
}

/// A complete file, ready to be put.
#[derive(Debug)]
pub struct FinishedFile {
    /// Its partitions, rising; at least one.
    pub partitions: Vec<WrittenPartition>,
    /// The file's bytes, in order.
    pub parts: Vec<Bytes>,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// What a finished file holds of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPartition {
    /// Topic, partition and offsets.
    pub identity: FileIdentity,
    /// Bytes of its row groups.
    pub bytes: u64,
    /// Number of its records.
    pub records: u64,
    /// Smallest and largest record timestamp; `NONE` if it has no record.
    pub timestamps: (Timestamp, Timestamp),
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Offsets must rise, from the file's start on.
    #[error("offset {offset} does not follow {expected}")]
    Order {
        /// The record's offset.
        offset: Offset,
        /// The lowest offset that could have followed.
        expected: Offset,
    },
    /// Partitions must rise.
    #[error("partition {partition} cannot follow {before}")]
    Partition {
        /// The partition.
        partition: PartitionIndex,
        /// The one before.
        before: PartitionIndex,
    },
    /// A record is too large for a column.
    #[error("record at offset {offset} has {bytes} bytes of payload")]
    TooLarge {
        /// The record's offset.
        offset: Offset,
        /// The record's payload in bytes.
        bytes: usize,
    },
    /// The Parquet encoder failed.
    #[error("encoding parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The Arrow builders failed.
    #[error("building columns: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
}

impl HistoryWriter {
    /// A file that begins with `partition` of the topic called `topic`, whose first offset is `start`;
    /// [`Self::next_partition`] goes on with the next partition.
    ///
    /// # Errors
    /// If the encoder refuses the schema.
    pub fn new(
        topic: &str,
        partition: TopicPartition,
        start: Offset,
        compression: HistoryCompression,
    ) -> Result<Self, WriteError> {
        let options = ArrowWriterOptions::new()
            .with_properties(schema::writer_properties(compression)?)
            .with_skip_arrow_metadata(true)
            .with_schema_root("record".to_owned());
        Ok(Self {
            parquet: ArrowWriter::try_new_with_options(PartBuffer::default(), schema::schema(), options)?,
            columns: ColumnsBuilder::new(),
            done: Vec::new(),
            identity: FileIdentity { topic: topic.to_owned(), partition, offsets: start..start },
            next: start,
            chunk: ChunkSize::default(),
            row_group_bytes: 0,
            row_groups_done: 0,
            records: 0,
            timestamps: None,
        })
    }

    /// Appends one record.
    ///
    /// # Errors
    /// If its offset does not rise, it is too large, or the encoder fails.
    pub fn push(&mut self, record: &HistoryRecord) -> Result<(), WriteError> {
        if record.offset < self.next {
            return Err(WriteError::Order { offset: record.offset, expected: self.next });
        }
        let bytes = record.payload_bytes();
        if bytes > RECORD_BYTES_MAX {
            return Err(WriteError::TooLarge { offset: record.offset, bytes });
        }
        if self.chunk.is_full_with(bytes) {
            self.encode_chunk()?;
        }
        self.columns.push(self.identity.partition.partition, record);
        self.chunk.rows += 1;
        self.chunk.bytes += bytes + RECORD_OVERHEAD_BYTES;
        self.records += 1;
        self.next = record.offset.plus(1);
        let (min, max) = self.timestamps.unwrap_or((record.timestamp, record.timestamp));
        self.timestamps = Some((min.min(record.timestamp), max.max(record.timestamp)));
        Ok(())
    }

    /// Size of the file in bytes if it were finished now, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let rows = self.parquet.bytes_written() + self.parquet.in_progress_size() + self.chunk.bytes;
        let row_groups = self.parquet.flushed_row_groups().len() + 1;
        u64::try_from(rows + row_groups * FOOTER_BYTES_PER_ROW_GROUP).unwrap_or(u64::MAX)
    }

    /// Records of the partition so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Ends the partition, whose offsets end at `end` (exclusive), and goes on with `partition` of the same topic, from
    /// offset `start` on.
    ///
    /// # Errors
    /// If `end` is not past the last record, the partitions do not rise, or the encoder fails.
    pub fn next_partition(&mut self, end: Offset, partition: PartitionIndex, start: Offset) -> Result<(), WriteError> {
        let TopicPartition { topic, partition: before } = self.identity.partition;
        if partition <= before {
            return Err(WriteError::Partition { partition, before });
        }
        self.end_partition(end)?;
        self.identity.partition = TopicPartition::new(topic, partition);
        self.identity.offsets = start..start;
        self.next = start;
        Ok(())
    }

    fn end_partition(&mut self, end: Offset) -> Result<(), WriteError> {
        if end < self.next {
            return Err(WriteError::Order { offset: end, expected: self.next });
        }
        self.encode_chunk()?;
        self.parquet.flush()?;
        self.row_group_bytes = 0;
        let row_groups = self.parquet.flushed_row_groups();
        let bytes = row_groups[self.row_groups_done..].iter().map(RowGroupMetaData::compressed_size).sum::<i64>();
        self.row_groups_done = row_groups.len();
        self.identity.offsets.end = end;
        self.done.push(WrittenPartition {
            identity: self.identity.clone(),
            bytes: u64::try_from(bytes).unwrap_or(0),
            records: std::mem::take(&mut self.records),
            timestamps: self.timestamps.take().unwrap_or((Timestamp::NONE, Timestamp::NONE)),
        });
        Ok(())
    }

    /// Finishes the file; the offsets of its last partition end at `end` (exclusive), even if no record has the last of
    /// them.
    ///
    /// # Errors
    /// If `end` is not past the last record, or the encoder fails.
    pub fn finish(mut self, end: Offset) -> Result<FinishedFile, WriteError> {
        self.end_partition(end)?;
        let identities: Vec<FileIdentity> = self.done.iter().map(|done| done.identity.clone()).collect();
        for (key, value) in FileIdentity::to_metadata(&identities) {
            self.parquet.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let parts = with_checksums(self.parquet.into_inner()?.finish());
        let bytes = parts.iter().map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX)).sum();
        Ok(FinishedFile { partitions: self.done, parts, bytes })
    }

    fn encode_chunk(&mut self) -> Result<(), WriteError> {
        if self.chunk.rows == 0 {
            return Ok(());
        }
        self.parquet.write(&self.columns.finish()?)?;
        self.row_group_bytes += std::mem::take(&mut self.chunk).bytes;
        if self.row_group_bytes >= ROW_GROUP_BYTES {
            self.parquet.flush()?;
            self.row_group_bytes = 0;
        }
        Ok(())
    }
}

/// Size of the chunk of records that is collected for the encoder.
#[derive(Default)]
struct ChunkSize {
    rows: usize,
    bytes: usize,
}

impl ChunkSize {
    fn is_full_with(&self, bytes: usize) -> bool {
        self.rows >= CHUNK_ROWS_MAX || (self.rows > 0 && self.bytes + bytes > CHUNK_BYTES)
    }
}

/// Puts the checksum section before the Parquet footer.
pub(crate) fn with_checksums(parts: Vec<Bytes>) -> Vec<Bytes> {
    let total: usize = parts.iter().map(Bytes::len).sum();
    let end = concat(split(&parts, total - PARQUET_END_BYTES).1);
    let footer_bytes = end.first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length));
    let footer_bytes = usize::try_from(footer_bytes).unwrap_or(usize::MAX) + PARQUET_END_BYTES;
    let (mut covered, tail) = split(&parts, total - footer_bytes);
    let tail = concat(tail);
    let footer = &tail[..tail.len() - PARQUET_END_BYTES];
    let section = checksum::encode(covered.iter(), footer);
    covered.extend([section, tail]);
    covered
}

/// The reverse, to forge files: the bytes that the checksums cover, and the footer with its end.
#[cfg(test)]
pub(crate) fn without_checksums(file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let length = file[file.len() - PARQUET_END_BYTES..].first_chunk::<4>().expect("four bytes");
    let footer_bytes = u32::from_le_bytes(*length) as usize + PARQUET_END_BYTES;
    let (before, footer) = file.split_at(file.len() - footer_bytes);
    let end = checksum::decode_end(&before[before.len() - checksum::FIXED_BYTES as usize..]).expect("checksums");
    (before[..end.covered as usize].to_vec(), footer.to_vec())
}

/// The bytes before position `at`, and those from it on.
fn split(parts: &[Bytes], at: usize) -> (Vec<Bytes>, Vec<Bytes>) {
    let (mut before, mut after) = (Vec::with_capacity(parts.len() + 2), Vec::new());
    let mut position = 0;
    for part in parts {
        let cut = at.saturating_sub(position).min(part.len());
        before.extend((cut > 0).then(|| part.slice(..cut)));
        after.extend((cut < part.len()).then(|| part.slice(cut..)));
        position += part.len();
    }
    (before, after)
}

fn concat(parts: Vec<Bytes>) -> Bytes {
    let mut bytes = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in parts {
        bytes.extend_from_slice(&part);
    }
    bytes.freeze()
}

/// The encoder's output: memory in parts, so that no large buffer is ever moved.
#[derive(Default)]
struct PartBuffer {
    done: Vec<Bytes>,
    open: BytesMut,
}

impl PartBuffer {
    fn finish(mut self) -> Vec<Bytes> {
        self.done.push(self.open.freeze());
        self.done
    }
}

impl io::Write for PartBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.open.is_empty() && self.open.len() + bytes.len() > PART_BYTES {
            self.done.push(self.open.split().freeze());
        }
        self.open.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
