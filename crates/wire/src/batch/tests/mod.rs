//! Tests of whole batches: fixtures here, behaviour in the files below.

mod goldens;
mod oracle;
mod rejections;
mod round_trip;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Batch, BatchBuilder, BatchHeader, Compression, Record};

/// A limit above everything that the tests build.
const LIMIT: usize = 16 << 20;

/// A record that outlives its batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OwnedRecord {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl From<Record<'_>> for OwnedRecord {
    fn from(record: Record<'_>) -> Self {
        Self {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect(),
        }
    }
}

/// A record with `value` at `offset`, one second after the previous one.
fn record(offset: i64, value: &str) -> OwnedRecord {
    let (key, value) = (Some(b"key".to_vec()), Some(value.as_bytes().to_vec()));
    OwnedRecord { offset, timestamp: 1_790_000_000_000 + offset * 1_000, key, value, headers: Vec::new() }
}

/// `records` added to `builder`.
fn push_all(mut builder: BatchBuilder, records: &[OwnedRecord]) -> BatchBuilder {
    for record in records {
        let headers = record.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.push(record.offset, record.timestamp, key, value, headers).unwrap();
    }
    builder
}

fn build(compression: Compression, records: &[OwnedRecord]) -> Bytes {
    let base_offset = records.first().map_or(0, |record| record.offset);
    push_all(BatchBuilder::new(compression, base_offset), records).finish()
}

fn parse(bytes: &Bytes) -> Batch {
    Batch::exactly_one(bytes.clone()).unwrap()
}

fn read(batch: &Batch) -> Vec<OwnedRecord> {
    batch.records(LIMIT).unwrap().iter().map(|record| record.unwrap().into()).collect()
}

/// `batch` with its header changed by `change`, and a correct checksum.
fn with_header(batch: &Bytes, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let (head, body) = batch.split_at(BatchHeader::LEN);
    let mut header = BatchHeader::parse(head).unwrap();
    change(&mut header);
    header.crc = header.checksum(body);
    [header.encode().as_slice(), body].concat().into()
}

/// `batch` with another body, and a correct length and checksum.
fn with_body(batch: &Bytes, body: &[u8]) -> Bytes {
    let whole = Bytes::from([&batch[..BatchHeader::LEN], body].concat());
    with_header(&whole, |header| header.batch_length = i32::try_from(whole.len() - 12).unwrap())
}

prop_compose! {
    /// Records at ascending offsets, with and without gaps, with any values that the format allows.
    fn any_records()(
        base in -5_i64..1 << 40,
        fields in vec((1_i64..4, any::<i64>(), any_field(), any_field(), any_headers()), 1..30),
    ) -> Vec<OwnedRecord> {
        let mut next = base;
        fields.into_iter().map(|(gap, timestamp, key, value, headers)| {
            let offset = next;
            next += gap;
            OwnedRecord { offset, timestamp, key, value, headers }
        }).collect()
    }
}

fn any_field() -> impl Strategy<Value = Option<Vec<u8>>> {
    option::of(prop_oneof![vec(any::<u8>(), 0..40), (any::<u8>(), 0_usize..300).prop_map(|(byte, n)| vec![byte; n])])
}

/// Few names, so that duplicates are common.
fn any_headers() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    vec((prop_oneof![Just(b"h".to_vec()), Just(Vec::new()), vec(any::<u8>(), 0..6)], any_field()), 0..5)
}

fn any_compression() -> impl Strategy<Value = Compression> {
    proptest::sample::select(&Compression::ALL)
}
