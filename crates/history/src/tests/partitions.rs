//! Files of several partitions: each is read as if it had a file of its own, and reads little of the others.

use std::sync::atomic::Ordering;

use alluvium_model::{Offset, PartitionIndex, Timestamp, TopicPartition};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::collection::btree_map;
use proptest::prelude::*;

use super::fixtures::*;
use crate::{FinishedFile, HistoryCompression, HistoryFile, HistoryRecord, HistoryWriter, ReadError, WriteError};

type Partition = (i32, Vec<HistoryRecord>, std::ops::Range<i64>);

fn of(number: i32) -> TopicPartition {
    TopicPartition { partition: PartitionIndex(number), ..partition() }
}

fn shared(partitions: &[Partition]) -> FinishedFile {
    let (first, rest) = partitions.split_first().expect("at least one");
    let mut writer = HistoryWriter::new("orders", of(first.0), Offset(first.2.start), HistoryCompression::default())
        .expect("writer");
    let push = |writer: &mut HistoryWriter, records: &[HistoryRecord]| {
        records.iter().for_each(|record| writer.push(record).expect("push"));
    };
    push(&mut writer, &first.1);
    let mut end = first.2.end;
    for (number, records, offsets) in rest {
        writer.next_partition(Offset(end), PartitionIndex(*number), Offset(offsets.start)).expect("next");
        push(&mut writer, records);
        end = offsets.end;
    }
    writer.finish(Offset(end)).expect("finish")
}

/// `count` partitions of `records` records of `bytes` bytes that do not compress well.
fn many(count: i32, records: i64, bytes: usize) -> Vec<Partition> {
    let mut state = 11_u64;
    let mut value = || -> Vec<u8> {
        let words = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32).to_be_bytes()
        });
        words.take(bytes / 8).flatten().collect()
    };
    let mut partition = |n: i32| {
        let start = i64::from(n) * 7;
        let records = (start..start + records).map(|offset| record(offset, offset, value())).collect::<Vec<_>>();
        let end = start + i64::try_from(records.len()).expect("few");
        (n * 2, records, start..end)
    };
    (0..count).map(&mut partition).collect()
}

async fn check(file: &FinishedFile, partitions: &[Partition]) -> Result<(), ReadError> {
    let source = Memory::of(file);
    let opened = HistoryFile::open(&source).await?;
    assert_eq!(opened.identities().len(), partitions.len());
    for ((number, records, offsets), written) in partitions.iter().zip(&file.partitions) {
        let file = opened.of(of(*number)).expect("it is in the file");
        assert_eq!(file.identity(), &written.identity);
        assert_eq!(file.identity().offsets, Offset(offsets.start)..Offset(offsets.end));
        assert_eq!(written.records, records.len() as u64);
        assert_eq!(&read_records(&file, &source, 0, 1 << 12).await?, records, "partition {number}");
        let (mut decoded, mut next) = (Vec::new(), offsets.start);
        while next < offsets.end {
            // One batch covers at most 2^31 offsets.
            let batches = file.batches(&source, Offset(next), usize::MAX).await?;
            let (more, covered) = decode_batches(&batches, next);
            assert!(covered.end > next && covered.end <= offsets.end);
            decoded.extend(more);
            next = covered.end;
        }
        assert_eq!(&decoded, records, "partition {number}");
        let latest = records.iter().map(|record| record.timestamp).max();
        let found = file.latest_timestamp(&source, Offset(0)).await?;
        assert_eq!(found.map(|(_, timestamp)| timestamp), latest);
        if let Some(last) = records.last() {
            assert_eq!(
                file.find_timestamp(&source, last.offset, Timestamp(i64::MIN)).await?.map(|at| at.0),
                Some(last.offset)
            );
        }
    }
    assert!(opened.of(of(-1)).is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_partition_is_read_as_it_was_written(partitions in btree_map(0..50_i32, records(5), 1..8)) {
        let partitions: Vec<Partition> =
            partitions.into_iter().map(|(number, (records, end))| (number, records, 5..end)).collect();
        run(check(&shared(&partitions), &partitions)).expect("read");
    }
}

#[test]
fn a_reader_of_one_partition_reads_the_footer_and_its_row_groups() {
    let partitions = many(50, 20, 8_000);
    let file = shared(&partitions);
    let source = Memory::of(&file);
    run(async {
        let opened = HistoryFile::open(&source).await.expect("open");
        let footer_bytes = source.read.swap(0, Ordering::Relaxed);
        assert!(footer_bytes < 300_000, "{footer_bytes} bytes to open {} of 50 partitions", file.bytes);
        assert!(opened.weight() < 1_000_000, "{} bytes of memory", opened.weight());
        for (number, records, _) in &partitions {
            let file = opened.of(of(*number)).expect("it is in the file");
            assert_eq!(&read_records(&file, &source, 0, 1 << 20).await.expect("read"), records);
            let bytes = source.read.swap(0, Ordering::Relaxed);
            // Its own 160 kB, and what is left of the first and the last block of 64 KiB.
            assert!(bytes < 300_000, "{bytes} bytes read for partition {number}");
        }
    });
}

#[test]
fn other_readers_find_the_partition_of_each_row_and_one_in_each_row_group() {
    let partitions = many(5, 30, 100);
    let bytes = bytes::Bytes::from(shared(&partitions).parts.concat());
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("parquet");
    assert_eq!(builder.metadata().num_row_groups(), 5);
    let mut found = Vec::new();
    for batch in builder.build().expect("reader") {
        let batch = batch.expect("rows");
        let column = |name| batch.column_by_name(name).expect("a column").clone();
        let numbers = column("partition");
        let numbers = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int32Type>(&numbers).values();
        let offsets = column("offset");
        let offsets = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(&offsets).values();
        found.extend(numbers.iter().copied().zip(offsets.iter().copied()));
    }
    let expected = partitions.iter().flat_map(|(n, records, _)| records.iter().map(|record| (*n, record.offset.0)));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[test]
fn partitions_must_rise() {
    let mut writer = HistoryWriter::new("orders", of(3), Offset(0), HistoryCompression::default()).expect("writer");
    let refused = writer.next_partition(Offset(1), PartitionIndex(3), Offset(0));
    assert!(matches!(refused, Err(WriteError::Partition { .. })));
}
