//! A file of format version 1 as it was first written. It must stay readable; never regenerate it.

use alluvium_model::{Offset, Timestamp};
use bytes::Bytes;

use super::fixtures::*;
use crate::{FileIdentity, HistoryFile, HistoryRecord, RecordHeader, TimestampType};

const VERSION_1: &[u8] = include_bytes!("golden-v1.parquet");

fn records() -> Vec<HistoryRecord> {
    let header = |name: &'static [u8], value: Option<&'static [u8]>| RecordHeader {
        name: Bytes::from_static(name),
        value: value.map(Bytes::from_static),
    };
    let plain = |n: i64| record(100 + n, 1_790_000_000_000 + n, format!("value {n}"));
    vec![
        HistoryRecord { key: Some(Bytes::from_static(b"key")), ..plain(0) },
        HistoryRecord { value: None, timestamp_type: TimestampType::LogAppendTime, ..plain(1) },
        HistoryRecord {
            headers: vec![header(b"a", Some(b"1")), header(b"a", None), header(b"\xff\x00", Some(b""))],
            ..plain(5)
        },
        HistoryRecord { timestamp: Timestamp(-1), key: Some(Bytes::new()), ..plain(1_000) },
    ]
}

#[test]
fn a_file_of_version_1_is_read_as_it_was_written() {
    let source = Memory::new(VERSION_1);
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        let identity =
            FileIdentity { topic: "orders".to_owned(), partition: partition(), offsets: Offset(99)..Offset(1_200) };
        assert_eq!(file.identity(), &identity);
        assert_eq!(read_records(&file, &source, 0, 1 << 20).await.expect("read"), records());
    });
}
