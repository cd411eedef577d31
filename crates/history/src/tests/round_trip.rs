//! Records written to a file are read back as records and as batches.

use alluvium_model::{Offset, Timestamp};
use bytes::Bytes;
use proptest::prelude::*;

use super::fixtures::*;
use crate::{HistoryCompression, HistoryFile, HistoryRecord, HistoryWriter, RecordHeader, WriteError};

/// Reads all batches from `from` on like a consumer: each read starts where the last batch ended.
async fn consume(file: &HistoryFile, source: &Memory, from: i64, bytes: usize) -> (Vec<HistoryRecord>, i64) {
    let mut all = Vec::new();
    let mut next = from;
    loop {
        let batches = file.batches(source, Offset(next), bytes).await.expect("batches");
        if batches.is_empty() {
            return (all, next);
        }
        let (records, covered) = decode_batches(&batches, next);
        assert!(covered.end > next, "a consumer is stuck at {next}");
        next = covered.end;
        all.extend(records);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_returns_the_records_that_were_written(
        (records, end) in records(1_000),
        bytes in 1..100_000_usize,
        compression in prop::sample::select(&[HistoryCompression::Zstd, HistoryCompression::Uncompressed]),
    ) {
        let finished = compressed_file(compression, &records, 1_000..end);
        prop_assert_eq!(finished.partitions[0].records, records.len() as u64);
        let source = Memory::of(&finished);
        prop_assert_eq!(finished.bytes, crate::RangedRead::size(&source));
        run(async {
            let file = HistoryFile::open(&source).await.expect("open");
            prop_assert_eq!(file.identity(), &finished.partitions[0].identity);
            let read = read_records(&file, &source, 1_000, bytes).await.expect("read");
            prop_assert_eq!(read, records);
            Ok(())
        })?;
    }

    #[test]
    fn batches_carry_the_same_records_and_reach_the_end(
        (records, end) in records(0),
        bytes in prop_oneof![1..2_000_usize, 1..4_000_000_usize],
    ) {
        let finished = file(&records, 0..end);
        let source = Memory::of(&finished);
        run(async {
            let file = HistoryFile::open(&source).await.expect("open");
            let (read, reached) = consume(&file, &source, 0, bytes).await;
            prop_assert_eq!(read, records);
            prop_assert_eq!(reached, end);
            Ok(())
        })?;
    }

    #[test]
    fn a_read_at_any_offset_returns_a_batch_that_covers_it(
        (records, end) in records(0),
        at in any::<prop::sample::Index>(),
    ) {
        prop_assume!(end > 0);
        // Also offsets next to records, which a uniform choice would miss if gaps are wide.
        let from = match at.index(records.len() * 2 + 1) {
            n if n < records.len() => records[n].offset.0,
            n if n < records.len() * 2 => (records[n - records.len()].offset.0 + 1).min(end - 1),
            _ => at.index(end as usize) as i64,
        };
        let finished = file(&records, 0..end);
        let source = Memory::of(&finished);
        run(async {
            let file = HistoryFile::open(&source).await.expect("open");
            let batches = file.batches(&source, Offset(from), 1 << 20).await.expect("batches");
            let (read, covered) = decode_batches(&batches, from);
            let expected = records.iter().filter(|record| (from..covered.end).contains(&record.offset.0));
            let expected: Vec<_> = expected.cloned().collect();
            prop_assert!(covered.end > from && covered.end <= end);
            prop_assert_eq!(read, expected);
            Ok(())
        })?;
    }

    #[test]
    fn timestamp_searches_agree_with_a_scan_of_all_records(
        (records, end) in records(0),
        from in 0..70_i64,
        timestamp in 0..1_200_i64,
    ) {
        let finished = file(&records, 0..end);
        let source = Memory::of(&finished);
        let from = Offset(from);
        let rest = || {
            let rest = records.iter().filter(|record| record.offset >= from);
            rest.map(|record| (record.offset, record.timestamp))
        };
        let first = rest().find(|(_, found)| found.0 >= timestamp);
        let latest = rest().reduce(|best, row| if row.1 > best.1 { row } else { best });
        run(async {
            let file = HistoryFile::open(&source).await.expect("open");
            prop_assert_eq!(file.find_timestamp(&source, from, Timestamp(timestamp)).await.expect("find"), first);
            prop_assert_eq!(file.latest_timestamp(&source, from).await.expect("latest"), latest);
            Ok(())
        })?;
    }
}

#[test]
fn a_consumer_gets_past_a_file_without_records() {
    let finished = file(&[], 10..25);
    assert_eq!(finished.partitions[0].timestamps, (Timestamp::NONE, Timestamp::NONE));
    let source = Memory::of(&finished);
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        assert_eq!(consume(&file, &source, 12, 100).await, (Vec::new(), 25));
        assert_eq!(file.records(&source, Offset(10), 100).await.expect("read"), Vec::new());
        assert_eq!(file.latest_timestamp(&source, Offset(10)).await.expect("read"), None);
    });
}

#[test]
fn a_read_before_the_start_begins_at_the_start() {
    let records = [record(10, 5, "a"), record(11, 6, "b")];
    let source = Memory::of(&file(&records, 10..12));
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        let batches = file.batches(&source, Offset(0), 1 << 20).await.expect("batches");
        assert_eq!(decode_batches(&batches, 10), (records.to_vec(), 10..12));
    });
}

#[test]
fn header_names_that_are_not_utf8_are_preserved() {
    let mut odd = record(0, 0, "v");
    let header = |name: &'static [u8], value| RecordHeader { name: Bytes::from_static(name), value };
    odd.headers = vec![
        header(b"\xff\xfe", None),
        header("\u{fffd}".as_bytes(), Some(Bytes::new())),
        header(b"same", Some(Bytes::from_static(b"1"))),
        header(b"same", None),
    ];
    let source = Memory::of(&file(std::slice::from_ref(&odd), 0..1));
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        assert_eq!(file.records(&source, Offset(0), 1).await.expect("read"), vec![odd]);
    });
}

#[test]
fn records_out_of_order_are_rejected() {
    let mut writer =
        HistoryWriter::new("orders", partition(), Offset(5), HistoryCompression::default()).expect("writer");
    assert!(matches!(writer.push(&record(4, 0, "")), Err(WriteError::Order { .. })));
    writer.push(&record(7, 0, "")).expect("push");
    assert!(matches!(writer.push(&record(7, 0, "")), Err(WriteError::Order { .. })));
    assert!(matches!(writer.finish(Offset(7)), Err(WriteError::Order { .. })));
}
