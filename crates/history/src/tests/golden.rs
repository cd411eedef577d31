//! A file of each format version as it was first written. They must stay readable; never regenerate them. Files of
//! version 2 are also written byte for byte as then, until a new release of the encoder changes it: compare what changed,
//! and keep the golden file. Nothing writes version 1 any more.

use alluvium_model::{Offset, PartitionIndex, Timestamp, TopicPartition};
use bytes::Bytes;

use super::fixtures::*;
use crate::{
    FileIdentity, HistoryCompression, HistoryFile, HistoryRecord, HistoryWriter, RecordHeader, TimestampType, golden_v1,
};

const VERSION_2: &[u8] = include_bytes!("golden-v2.parquet");

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
    let source = Memory::new(golden_v1::FILE);
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        let identity =
            FileIdentity { topic: "orders".to_owned(), partition: partition(), offsets: Offset(99)..Offset(1_200) };
        assert_eq!(file.identity(), &identity);
        assert_eq!(read_records(&file, &source, 0, 1 << 20).await.expect("read"), records());
    });
}

#[test]
fn a_file_of_version_2_is_read_as_it_was_written() {
    let source = Memory::new(VERSION_2);
    let of = |number| TopicPartition { partition: PartitionIndex(number), ..partition() };
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        for (number, offsets) in [(3, 99..1_200), (5, 0..9), (17, 100..2_000)] {
            let file = file.of(of(number)).expect("it is in the file");
            let offsets = Offset(offsets.start)..Offset(offsets.end);
            let identity = FileIdentity { topic: "orders".to_owned(), partition: of(number), offsets };
            assert_eq!(file.identity(), &identity);
            let expected = if number == 5 { Vec::new() } else { records() };
            assert_eq!(read_records(&file, &source, 0, 1 << 20).await.expect("read"), expected);
        }
        assert_eq!(file.identities().len(), 3);
    });
}

#[test]
fn files_are_written_byte_for_byte_as_before() {
    let push = |writer: &mut HistoryWriter| records().iter().for_each(|record| writer.push(record).expect("push"));
    let first = TopicPartition { partition: PartitionIndex(3), ..partition() };
    let mut writer = HistoryWriter::new("orders", first, Offset(99), HistoryCompression::default()).expect("writer");
    push(&mut writer);
    writer.next_partition(Offset(1_200), PartitionIndex(5), Offset(0)).expect("next");
    writer.next_partition(Offset(9), PartitionIndex(17), Offset(100)).expect("next");
    push(&mut writer);
    assert!(writer.finish(Offset(2_000)).expect("finish").parts.concat() == VERSION_2);
}
