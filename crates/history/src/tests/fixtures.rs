//! Fixtures: records, files, and a source in memory.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use alluvium_model::{Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
use alluvium_wire::batch::Batch;
use bytes::Bytes;
use futures::future::BoxFuture;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{
    FinishedFile, HistoryCompression, HistoryFile, HistoryRecord, HistoryWriter, RangedRead, RecordHeader, SourceError,
    TimestampType,
};

/// A file in memory that counts the bytes read.
pub(super) struct Memory {
    bytes: Bytes,
    pub(super) read: AtomicU64,
}

impl Memory {
    pub(super) fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), read: AtomicU64::new(0) }
    }

    pub(super) fn of(file: &FinishedFile) -> Self {
        Self::new(file.parts.concat())
    }
}

impl RangedRead for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        let bytes = self.bytes.slice(range.start as usize..range.end as usize);
        Box::pin(async move { Ok(bytes) })
    }
}

pub(super) fn partition() -> TopicPartition {
    TopicPartition::new(TopicId(uuid::Uuid::from_u128(0x1234)), PartitionIndex(3))
}

/// A record without a key and headers.
pub(super) fn record(offset: i64, timestamp: i64, value: impl Into<Bytes>) -> HistoryRecord {
    HistoryRecord {
        offset: Offset(offset),
        timestamp: Timestamp(timestamp),
        timestamp_type: TimestampType::CreateTime,
        key: None,
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

pub(super) fn file(records: &[HistoryRecord], offsets: Range<i64>) -> FinishedFile {
    compressed_file(HistoryCompression::default(), records, offsets)
}

pub(super) fn compressed_file(
    compression: HistoryCompression,
    records: &[HistoryRecord],
    offsets: Range<i64>,
) -> FinishedFile {
    let mut writer = HistoryWriter::new("orders", partition(), Offset(offsets.start), compression).expect("writer");
    for record in records {
        writer.push(record).expect("push");
    }
    writer.finish(Offset(offsets.end)).expect("finish")
}

/// Runs a reader's future to its end.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("runtime").block_on(future)
}

/// Reads every record from `from` on, `bytes` at a time.
pub(super) async fn read_records(
    file: &HistoryFile,
    source: &Memory,
    from: i64,
    bytes: usize,
) -> Result<Vec<HistoryRecord>, crate::ReadError> {
    let mut all: Vec<HistoryRecord> = Vec::new();
    let mut next = Offset(from);
    loop {
        let records = file.records(source, next, bytes).await?;
        let Some(last) = records.last() else { return Ok(all) };
        next = last.offset.plus(1);
        all.extend(records);
    }
}

/// Decodes `batches`, which must be intact and must not overlap. Returns the records and the offsets they cover.
pub(super) fn decode_batches(batches: &[Bytes], from: i64) -> (Vec<HistoryRecord>, Range<i64>) {
    let mut records = Vec::new();
    let mut next = from;
    for bytes in batches {
        let batch = Batch::exactly_one(bytes.clone()).expect("one batch");
        batch.verify_crc().expect("crc");
        let header = batch.header();
        assert!(header.base_offset >= next, "batches overlap");
        let end = header.base_offset + i64::from(header.last_offset_delta) + 1;
        let decoded = batch.records(usize::MAX).expect("records");
        for decoded in &decoded {
            let decoded = decoded.expect("record");
            assert!((header.base_offset..end).contains(&decoded.offset));
            records.push(HistoryRecord {
                offset: Offset(decoded.offset),
                timestamp: Timestamp(decoded.timestamp),
                timestamp_type: header.attributes.timestamp_type(),
                key: decoded.key.map(Bytes::copy_from_slice),
                value: decoded.value.map(Bytes::copy_from_slice),
                headers: decoded.headers.map(header_of).collect(),
            });
        }
        next = end;
    }
    (records, from..next)
}

fn header_of((name, value): (&[u8], Option<&[u8]>)) -> RecordHeader {
    RecordHeader { name: Bytes::copy_from_slice(name), value: value.map(Bytes::copy_from_slice) }
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..20),
        2 => vec(any::<u8>(), 0..600),
        1 => (any::<u8>(), 0..200_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ]
    .prop_map(Bytes::from)
}

fn header() -> impl Strategy<Value = RecordHeader> {
    let name = prop_oneof![
        4 => prop_oneof![Just("trace"), Just("trace"), Just("")].prop_map(|name| Bytes::from_static(name.as_bytes())),
        1 => vec(any::<u8>(), 0..8).prop_map(Bytes::from),
    ];
    (name, option::of(bytes())).prop_map(|(name, value)| RecordHeader { name, value })
}

fn timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![5 => 0..1_000_i64, 1 => Just(-1_i64), 1 => any::<i64>()]
}

/// Records with rising offsets from `start` on, and the end of their offset range.
pub(super) fn records(start: i64) -> impl Strategy<Value = (Vec<HistoryRecord>, i64)> {
    let gap = prop_oneof![8 => Just(0_i64), 1 => 0..5_i64, 1 => prop_oneof![Just(100_000_i64), Just(3_000_000_000)]];
    let row = (gap.clone(), timestamp(), any::<bool>(), option::of(bytes()), option::of(bytes()), vec(header(), 0..3));
    (vec(row, 0..60), gap).prop_map(move |(rows, trailing)| {
        let mut next = start;
        let mut records = Vec::new();
        for (gap, timestamp, log_append, key, value, headers) in rows {
            let timestamp_type = if log_append { TimestampType::LogAppendTime } else { TimestampType::CreateTime };
            let offset = Offset(next + gap);
            next = offset.0 + 1;
            let timestamp = Timestamp(timestamp);
            records.push(HistoryRecord { offset, timestamp, timestamp_type, key, value, headers });
        }
        (records, next + trailing)
    })
}
