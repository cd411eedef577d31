//! Records and batches to commit, and their encodings.

use alluvium_history::{HistoryRecord, RecordHeader, TimestampType};
use alluvium_model::log::{BatchCommit, ProducerBatch};
use alluvium_model::transaction::{TransactionVersion, TransactionalProducer};
use alluvium_model::{Offset, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicPartition};
use alluvium_segment::{BatchFacts, BatchInput, RunInput};
use alluvium_wire::batch::{Batch, BatchBuilder, BatchHeader, Compression};
use bytes::Bytes;

/// A record before it has an offset.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) timestamp: i64,
    pub(super) headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// A batch before it is sent.
#[derive(Clone, Debug)]
pub(super) struct DraftBatch {
    pub(super) records: Vec<Draft>,
    pub(super) compression: Compression,
    pub(super) log_append: bool,
    /// Sent twice: the log rejects the second as a duplicate.
    pub(super) repeated: bool,
    /// Who writes it in a transaction, and its first sequence number.
    pub(super) transaction: Option<(TransactionalProducer, i32)>,
}

/// One segment: batches by partition.
pub(super) type DraftSegment = Vec<(i32, Vec<DraftBatch>)>;

/// `count` records of about `bytes` bytes that do not compress well.
pub(super) fn drafts(count: usize, bytes: usize, seed: u64) -> DraftBatch {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).to_be_bytes()
    };
    let value = |next: &mut dyn FnMut() -> [u8; 8]| (0..bytes.div_ceil(8)).flat_map(|_| next()).collect();
    let record = |n: usize| Draft {
        key: Some(format!("key {}", n % 7).into_bytes()),
        value: Some(value(&mut next)),
        timestamp: 1_000_000 + i64::try_from(n).expect("small"),
        headers: vec![(b"h".to_vec(), None)],
    };
    DraftBatch {
        records: (0..count).map(record).collect(),
        compression: Compression::None,
        log_append: false,
        repeated: false,
        transaction: None,
    }
}

pub(super) fn encode(draft: &DraftBatch, producer: i64, now: Timestamp) -> Batch {
    let builder = BatchBuilder::new(draft.compression, 0);
    let mut builder = match draft.transaction {
        Some((by, sequence)) => builder.producer(by.id.0, by.epoch.0, sequence).transactional(),
        None => builder.producer(producer, 0, 0),
    };
    if draft.log_append {
        builder = builder.log_append_time(now.0);
    }
    for (offset, record) in (0..).zip(&draft.records) {
        let headers = record.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
        builder
            .push(offset, record.timestamp, record.key.as_deref(), record.value.as_deref(), headers)
            .expect("a record");
    }
    Batch::exactly_one(builder.finish()).expect("a batch")
}

pub(super) fn history_record(offset: i64, record: &Draft, batch: &DraftBatch, now: Timestamp) -> HistoryRecord {
    let bytes = |bytes: &Option<Vec<u8>>| bytes.clone().map(Bytes::from);
    let (timestamp, timestamp_type) = if batch.log_append {
        (now, TimestampType::LogAppendTime)
    } else {
        (Timestamp(record.timestamp), TimestampType::CreateTime)
    };
    let header =
        |(name, value): &(Vec<u8>, Option<Vec<u8>>)| RecordHeader { name: name.clone().into(), value: bytes(value) };
    HistoryRecord {
        offset: Offset(offset),
        timestamp,
        timestamp_type,
        key: bytes(&record.key),
        value: bytes(&record.value),
        headers: record.headers.iter().map(header).collect(),
    }
}

pub(super) fn run_input(partition: TopicPartition, batches: &[(DraftBatch, Batch)]) -> RunInput {
    let input = |(_, batch): &(DraftBatch, Batch)| BatchInput {
        parts: batch.parts(),
        facts: BatchFacts {
            records: u32::try_from(batch.header().record_count).expect("positive"),
            timestamps: timestamps(batch),
            producer: None,
        },
    };
    RunInput { partition, batches: batches.iter().map(input).collect() }
}

fn timestamps(batch: &Batch) -> (Timestamp, Timestamp) {
    let BatchHeader { base_timestamp, max_timestamp, .. } = *batch.header();
    (Timestamp(base_timestamp.min(max_timestamp)), Timestamp(max_timestamp))
}

pub(super) fn commit_of(batch: &Batch) -> BatchCommit {
    let header = batch.header();
    BatchCommit {
        records: u32::try_from(header.record_count).expect("positive"),
        bytes: u32::try_from(batch.len()).expect("small"),
        timestamps: timestamps(batch),
        producer: Some(ProducerBatch {
            id: ProducerId(header.producer_id),
            epoch: ProducerEpoch(header.producer_epoch),
            first: Sequence(header.base_sequence),
            last: Sequence(header.base_sequence + header.last_offset_delta),
        }),
        transactional: header.attributes.is_transactional().then_some(TransactionVersion::V2),
    }
}

pub(super) fn decode(batch: &Batch) -> Vec<HistoryRecord> {
    let timestamp_type = batch.header().attributes.timestamp_type();
    let records = batch.records(usize::MAX).expect("records");
    let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
    let decoded = records.iter().map(|record| {
        let record = record.expect("a record");
        HistoryRecord {
            offset: Offset(record.offset),
            timestamp: Timestamp(record.timestamp),
            timestamp_type,
            key: record.key.map(copy),
            value: record.value.map(copy),
            headers: record.headers.map(|(n, v)| RecordHeader { name: copy(n), value: v.map(copy) }).collect(),
        }
    });
    decoded.collect()
}
