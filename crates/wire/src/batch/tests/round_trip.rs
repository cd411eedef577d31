//! Batches that are built and read again.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{Batch, BatchBuilder, BatchError, Batches, BuildError, Compression, TimestampType};
use super::{LIMIT, OwnedRecord, any_compression, any_records, build, parse, push_all, read, record};

proptest! {
    #[test]
    fn records_round_trip_with_every_codec(records in any_records(), compression in any_compression()) {
        let batch = parse(&build(compression, &records));
        prop_assert_eq!(batch.verify_crc(), Ok(()));
        prop_assert_eq!(batch.header().attributes.compression(), Ok(compression));
        prop_assert_eq!(read(&batch), records);
    }

    #[test]
    fn headers_round_trip(records in any_records(), id: i64, epoch: i16, sequence: i32) {
        let builder = BatchBuilder::new(Compression::None, records[0].offset).producer(id, epoch, sequence);
        let batch = parse(&push_all(builder, &records).finish());
        let header = batch.header();
        prop_assert_eq!(&header.encode()[..], &batch.bytes()[..61]);
        prop_assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (id, epoch, sequence));
        prop_assert_eq!(header.record_count as usize, records.len());
        prop_assert_eq!(header.max_timestamp, records.iter().map(|record| record.timestamp).max().unwrap());
    }
}

#[test]
fn gaps_between_offsets_and_after_the_last_record_are_kept() {
    let records = [record(10, "a"), record(13, "b")];
    let mut builder = push_all(BatchBuilder::new(Compression::Zstd, 8), &records);
    builder.extend_to(20).unwrap();
    let batch = parse(&builder.finish());
    assert_eq!((batch.header().base_offset, batch.header().last_offset_delta), (8, 12));
    assert_eq!(read(&batch), records);
}

#[test]
fn a_batch_without_records_covers_offsets_that_were_compacted_away() {
    let mut builder = BatchBuilder::new(Compression::None, 5);
    builder.extend_to(9).unwrap();
    assert!(builder.is_empty());
    let batch = parse(&builder.finish());
    assert_eq!(batch.header().last_offset_delta, 4);
    assert_eq!(read(&batch), []);
}

#[test]
fn offsets_that_do_not_ascend_are_rejected() {
    let mut builder = BatchBuilder::new(Compression::None, 5);
    let refused = |offset| Err(BuildError::Offset { offset, base_offset: 5 });
    assert_eq!(builder.push(4, 0, None, None, []), refused(4));
    assert_eq!(builder.push(5, 0, None, None, []), Ok(()));
    assert_eq!(builder.push(5, 0, None, None, []), refused(5));
    assert_eq!(builder.push(5 + i64::from(i32::MAX), 0, None, None, []), refused(5 + i64::from(i32::MAX)));
    assert_eq!(builder.record_count(), 1);
}

#[test]
fn rebasing_writes_a_new_header_and_shares_the_records() {
    let bytes = build(Compression::Lz4, &[record(0, "a"), record(1, "b")]);
    let batch = parse(&bytes);
    let [head, body] = batch.rebased(1_000, 7);
    assert_eq!(body.as_ptr(), bytes[61..].as_ptr());
    let moved = parse(&[head, body].concat().into());
    assert_eq!(moved.validate(), Ok(()));
    assert_eq!(moved.header().leader_epoch, 7);
    assert_eq!(moved.header().crc, batch.header().crc);
    let offsets: Vec<i64> = read(&moved).iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [1_000, 1_001]);
}

#[test]
fn append_time_replaces_every_timestamp_and_shares_the_records() {
    let bytes = build(Compression::Gzip, &[record(0, "a"), record(1, "b")]);
    let stamped = parse(&bytes).with_log_append_time(42);
    assert_eq!(stamped.validate(), Ok(()));
    let [head, body] = stamped.parts();
    assert_eq!(body.as_ptr(), bytes[61..].as_ptr());
    assert_eq!(stamped.len(), bytes.len());
    for batch in [parse(&[head, body].concat().into()), parse(&stamped.bytes()), stamped] {
        assert_eq!(batch.validate(), Ok(()));
        assert_eq!(batch.header().attributes.timestamp_type(), TimestampType::LogAppendTime);
        assert!(read(&batch).iter().all(|record| record.timestamp == 42));
    }
}

#[test]
fn append_time_of_a_built_batch_is_every_records_timestamp() {
    let builder = BatchBuilder::new(Compression::None, 0).log_append_time(42);
    let batch = parse(&push_all(builder, &[record(0, "a"), record(1, "b")]).finish());
    assert_eq!(batch.header().max_timestamp, 42);
    assert_eq!(read(&batch)[1].timestamp, 42);
}

#[test]
fn parts_of_a_batch_are_slices_of_its_input() {
    let mut frame = Bytes::from([build(Compression::None, &[record(0, "a")]), Bytes::from_static(b"rest")].concat());
    let start = frame.as_ptr();
    let batch = Batch::parse(&mut frame).unwrap();
    assert_eq!(frame, "rest");
    let [whole, nothing] = batch.parts();
    assert_eq!((whole.as_ptr(), whole.len(), nothing.len()), (start, batch.len(), 0));
}

#[test]
fn keys_can_be_kept_without_copying() {
    let batch = parse(&build(Compression::Zstd, &[record(0, "a")]));
    let records = batch.records(LIMIT).unwrap();
    let key = records.iter().next().unwrap().unwrap().key.unwrap();
    assert_eq!(records.bytes().slice_ref(key), "key");
    assert_eq!(records.count(), 1);
}

#[test]
fn consecutive_batches_are_iterated_until_one_is_damaged() {
    let first = build(Compression::None, &[record(0, "a")]);
    let second = build(Compression::Snappy, &[record(1, "b")]);
    let mut bytes = [first.as_ref(), second.as_ref(), first.as_ref()].concat();
    let offsets: Vec<i64> =
        Batches::new(bytes.clone().into()).map(|batch| batch.unwrap().header().base_offset).collect();
    assert_eq!(offsets, [0, 1, 0]);

    bytes[first.len() + 70] ^= 1;
    let seen: Vec<_> = Batches::new(bytes.into()).map(|batch| batch.map(|_| ())).collect();
    assert!(matches!(seen[..], [Ok(()), Err(BatchError::Crc { .. })]), "{seen:?}");
}

#[test]
fn transactional_and_control_bits_are_written() {
    let builder = BatchBuilder::new(Compression::None, 0).transactional().control();
    let batch = parse(&push_all(builder, &[OwnedRecord::default()]).finish());
    assert!(batch.header().attributes.is_transactional() && batch.header().attributes.is_control());
}
