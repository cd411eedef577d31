//! Invalid batches are rejected with a precise error and without large allocations.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{
    Attributes, Batch, BatchBuilder, BatchError, BatchHeader, Batches, Compression, RECORD_FAULTS_MAX, RecordFault,
    RecordFaultReason, RecordRules,
};
use super::{LIMIT, OwnedRecord, any_compression, any_records, build, parse, push_all, record, with_body, with_header};

fn valid() -> Bytes {
    build(Compression::None, &[record(0, "a"), record(1, "b")])
}

fn rejection(batch: Bytes) -> BatchError {
    Batch::exactly_one(batch).and_then(|batch| batch.validate()).unwrap_err()
}

#[test]
fn no_batch_and_more_than_one_are_rejected() {
    assert_eq!(rejection(Bytes::new()), BatchError::Empty);
    let two = [valid(), valid()].concat();
    assert_eq!(rejection(two.clone().into()), BatchError::Trailing { bytes: valid().len() });
    assert_eq!(Batch::sent(two.into()).unwrap_err(), BatchError::Trailing { bytes: valid().len() });
}

#[test]
fn less_than_a_batch_after_the_one_sent_is_ignored() {
    let batch = valid();
    for have in 1..batch.len() {
        let sent = Batch::sent([&batch[..], &batch[..have]].concat().into()).unwrap();
        assert_eq!(sent.bytes(), batch);
    }
}

#[test]
fn a_batch_that_is_cut_short_is_rejected() {
    let batch = valid();
    for have in 1..61 {
        assert_eq!(rejection(batch.slice(..have)), BatchError::Truncated { have, want: 61 });
    }
    let want = batch.len();
    assert_eq!(rejection(batch.slice(..want - 1)), BatchError::Truncated { have: want - 1, want });
}

#[test]
fn impossible_lengths_are_rejected() {
    for length in [i32::MIN, -1, 0, 48] {
        let batch = with_header(&valid(), |header| header.batch_length = length);
        assert_eq!(rejection(batch), BatchError::Length(length));
    }
}

#[test]
fn other_message_formats_are_rejected_even_if_they_are_shorter() {
    for (magic, len) in [(0, 61), (1, 61), (1, 34), (3, 80)] {
        let mut batch = valid().to_vec();
        batch[16] = magic;
        batch.resize(len, 0);
        assert_eq!(rejection(batch.into()), BatchError::Magic(magic.cast_signed()));
    }
}

#[test]
fn every_flipped_bit_of_the_checksummed_part_is_detected() {
    let batch = valid();
    for at in 17..batch.len() {
        let mut flipped = batch.to_vec();
        flipped[at] ^= 0x10;
        let error = rejection(flipped.into());
        assert!(matches!(error, BatchError::Crc { .. }) && error.is_corruption(), "byte {at}: {error}");
    }
}

#[test]
fn counts_that_contradict_each_other_are_rejected() {
    for (count, last_offset_delta) in [(1, 1), (2, 5), (0, -1), (-1, -2), (0, 0), (i32::MIN, i32::MAX)] {
        let batch = with_header(&valid(), |header| {
            header.record_count = count;
            header.last_offset_delta = last_offset_delta;
        });
        assert_eq!(rejection(batch), BatchError::Count { count, last_offset_delta });
    }
}

#[test]
fn control_batches_sequences_and_unknown_codecs_are_rejected() {
    let control = with_header(&valid(), |header| header.attributes = Attributes::default().with_control());
    assert_eq!(rejection(control), BatchError::Control);
    let sequence = with_header(&valid(), |header| header.producer_id = 9);
    assert_eq!(rejection(sequence), BatchError::Sequence { producer_id: 9, base_sequence: -1 });
    for codec in 5..8 {
        let batch = with_header(&valid(), |header| header.attributes = Attributes(codec));
        assert_eq!(rejection(batch), BatchError::UnknownCodec(codec));
    }
}

#[test]
fn the_append_time_bit_of_a_client_is_accepted() {
    let batch = with_header(&valid(), |header| header.attributes = header.attributes.with_log_append_time());
    assert_eq!(parse(&batch).validate(), Ok(()));
}

#[test]
fn zstd_needs_produce_version_7() {
    let zstd = parse(&build(Compression::Zstd, &[record(0, "a")]));
    assert_eq!(zstd.check_produce_version(6), Err(BatchError::ZstdTooOld { version: 6 }));
    assert_eq!(zstd.check_produce_version(7), Ok(()));
    assert_eq!(parse(&valid()).check_produce_version(3), Ok(()));
}

fn rules() -> RecordRules {
    RecordRules { key_required: true, timestamps: 0..=i64::MAX, decompressed_bytes_max: LIMIT }
}

#[test]
fn records_that_break_a_topics_rules_are_named() {
    let keyless = OwnedRecord { key: None, ..record(1, "b") };
    let early = OwnedRecord { timestamp: -7, ..record(2, "c") };
    let batch = parse(&build(Compression::Lz4, &[record(0, "a"), keyless, early]));
    let faults = batch.check_records(&rules()).unwrap();
    let timestamp = RecordFaultReason::Timestamp { timestamp: -7 };
    let expected = [(1, RecordFaultReason::KeyMissing), (2, timestamp)];
    assert_eq!(faults, expected.map(|(index, reason)| RecordFault { index, reason }));

    let lenient = RecordRules { key_required: false, timestamps: i64::MIN..=i64::MAX, ..rules() };
    assert_eq!(batch.check_records(&lenient), Ok(Vec::new()));
    // The log's own time is no concern of the topic's rule for producers.
    assert_eq!(batch.with_log_append_time(-7).check_records(&rules()).unwrap().len(), 1);
}

#[test]
fn faults_are_listed_up_to_a_limit() {
    let records: Vec<_> = (0..500).map(|offset| OwnedRecord { key: None, ..record(offset, "") }).collect();
    let batch = parse(&build(Compression::None, &records));
    assert_eq!(batch.check_records(&rules()).unwrap().len(), RECORD_FAULTS_MAX);
}

#[test]
fn records_must_be_as_many_as_the_header_counts() {
    for compression in Compression::ALL {
        let batch = build(compression, &[record(0, "a"), record(1, "b")]);
        let fewer = with_header(&batch, |header| (header.record_count, header.last_offset_delta) = (1, 0));
        let error = parse(&fewer).check_records(&rules()).unwrap_err();
        assert!(matches!(error, BatchError::TrailingRecords { .. }), "{error}");
        let more = with_header(&batch, |header| (header.record_count, header.last_offset_delta) = (3, 2));
        let error = parse(&more).check_records(&rules()).unwrap_err();
        assert_eq!(error, BatchError::Record { index: 2, reason: "its length is cut short" });
    }
}

#[test]
fn offset_deltas_must_count_up_from_zero() {
    let builder = push_all(BatchBuilder::new(Compression::None, 0), &[record(0, "a"), record(2, "b")]);
    let batch = with_header(&builder.finish(), |header| header.last_offset_delta = 1);
    let batch = parse(&batch);
    assert_eq!(batch.validate(), Ok(()));
    assert!(matches!(batch.check_records(&rules()), Err(BatchError::Record { index: 1, .. })));
}

#[test]
fn decompression_stops_at_the_limit() {
    let bomb = OwnedRecord { value: Some(vec![0; 32 << 20]), ..record(0, "") };
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let batch = parse(&build(compression, std::slice::from_ref(&bomb)));
        assert!(batch.len() < 4 << 20, "{compression:?} is no bomb");
        let limit = 1 << 20;
        assert_eq!(batch.records(limit).unwrap_err(), BatchError::DecompressedTooLarge { limit }, "{compression:?}");
        assert_eq!(batch.records(usize::MAX).unwrap().iter().count(), 1);
    }
}

#[test]
fn a_record_that_claims_more_than_there_is_is_rejected_without_allocating() {
    // Length 2^31 - 1, then a record whose header count is 2^31 - 1.
    let huge = with_body(&valid(), &[0xfe, 0xff, 0xff, 0xff, 0x0f]);
    let headers = with_body(&valid(), &[0x14, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f]);
    for batch in [huge, headers] {
        let records = parse(&batch).records(LIMIT).unwrap();
        assert!(matches!(records.iter().next(), Some(Err(BatchError::Record { index: 0, .. }))));
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_result_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        for batch in Batches::new(bytes.into()) {
            prop_assert!(batch.is_err());
        }
    }

    #[test]
    fn any_body_is_answered_within_the_limit(
        body in vec(any::<u8>(), 0..200), codec in 0_i16..8, count: i32, magic in 0_usize..6,
    ) {
        // Half of the bodies at least start like the codec's.
        let magics: [&[u8]; 6] = [
            b"", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01",
            b"\x04\x22\x4d\x18\x68\x40\xbd", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18",
        ];
        let batch = with_body(&valid(), &[magics[magic], &body].concat());
        let batch = parse(&with_header(&batch, |header| {
            header.attributes = Attributes(codec);
            header.record_count = count;
        }));
        if let Ok(records) = batch.records(4_096) {
            prop_assert!(records.bytes().len() <= 4_096);
            prop_assert!(records.iter().count() <= 4_097);
        }
    }

    #[test]
    fn any_damage_to_a_compressed_body_is_answered(
        records in any_records(), compression in any_compression(), at: prop::sample::Index, with: u8,
    ) {
        let batch = build(compression, &records);
        let mut body = batch[BatchHeader::LEN..].to_vec();
        let at = at.index(body.len());
        body[at] = with;
        if let Ok(records) = parse(&with_body(&batch, &body)).records(LIMIT) {
            records.iter().flatten().for_each(|record| drop(OwnedRecord::from(record)));
        }
    }

    #[test]
    fn any_cut_of_a_compressed_body_is_answered(
        records in any_records(), compression in any_compression(), at: prop::sample::Index,
    ) {
        let batch = build(compression, &records);
        let body = &batch[BatchHeader::LEN..];
        let batch = parse(&with_body(&batch, &body[..at.index(body.len())]));
        let lenient = RecordRules { key_required: false, timestamps: i64::MIN..=i64::MAX, ..rules() };
        if batch.check_records(&lenient).is_ok() {
            // What was cut off is the codec's end mark: nothing is missing.
            let decoded = batch.records(LIMIT).unwrap();
            let found: Vec<OwnedRecord> = decoded.iter().map(|record| OwnedRecord::from(record.unwrap())).collect();
            prop_assert_eq!(found, records);
        }
    }
}
