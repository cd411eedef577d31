//! Batches agree with those of an independent implementation, in both directions. (It has no duplicate header names,
//! and only text as header names: other tests cover those.)

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as oracle;
use proptest::prelude::*;

use super::super::Compression;
use super::{OwnedRecord, any_records, build, parse, read};

fn any_shared_codec() -> impl Strategy<Value = (Compression, oracle::Compression)> {
    proptest::sample::select(vec![
        (Compression::None, oracle::Compression::None),
        (Compression::Snappy, oracle::Compression::Snappy),
    ])
}

/// Records within the oracle's limits: each header name once, as text, and timestamps that do not overflow.
fn tame(records: Vec<OwnedRecord>) -> Vec<OwnedRecord> {
    let tame_one = |mut record: OwnedRecord| {
        let mut names = HashSet::new();
        record.headers.retain(|(name, _)| name.is_ascii() && names.insert(name.clone()));
        record.timestamp >>= 8;
        record
    };
    records.into_iter().map(tame_one).collect()
}

fn to_oracle(base: i64, record: &OwnedRecord) -> oracle::Record {
    let name = |name: &Vec<u8>| StrBytes::from_string(String::from_utf8(name.clone()).unwrap());
    let value = |value: &Option<Vec<u8>>| value.clone().map(Bytes::from);
    oracle::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: oracle::TimestampType::Creation,
        offset: record.offset,
        // What follows from base sequence -1, so that the oracle keeps all in one batch.
        sequence: i32::try_from(record.offset - base).unwrap() - 1,
        timestamp: record.timestamp,
        key: value(&record.key),
        value: value(&record.value),
        headers: record.headers.iter().map(|(n, v)| (name(n), value(v))).collect::<IndexMap<_, _>>(),
    }
}

proptest! {
    #[test]
    fn the_oracle_reads_what_we_build(records in any_records(), codec in any_shared_codec()) {
        let records = tame(records);
        let base = records[0].offset;
        let mut bytes = build(codec.0, &records);
        let read = oracle::RecordBatchDecoder::decode(&mut bytes).unwrap();
        prop_assert_eq!(read.compression, codec.1);
        let expected: Vec<_> = records.iter().map(|record| to_oracle(base, record)).collect();
        prop_assert_eq!(read.records, expected);
    }

    #[test]
    fn we_read_what_the_oracle_builds(records in any_records(), codec in any_shared_codec()) {
        let records = tame(records);
        let base = records[0].offset;
        let theirs: Vec<_> = records.iter().map(|record| to_oracle(base, record)).collect();
        let options = oracle::RecordEncodeOptions { version: 2, compression: codec.1 };
        let mut bytes = BytesMut::new();
        oracle::RecordBatchEncoder::encode(&mut bytes, &theirs, &options).unwrap();
        let batch = parse(&bytes.freeze());
        prop_assert_eq!(batch.verify_crc(), Ok(()));
        prop_assert_eq!(read(&batch), records);
    }
}
