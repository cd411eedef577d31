//! Kafka's golden answers to Produce, as far as one batch decides them.

use std::collections::BTreeMap;

use alluvium_model::Timestamp;
use alluvium_model::topic_config::TopicConfigs;
use alluvium_wire::batch::{Batch, BatchBuilder, BatchError, Compression, TimestampType};
use bytes::Bytes;

use crate::produce::validation::{InvalidBatch, ProduceRules, validate};

const NOW: i64 = 1_790_000_000_000;
const RULES: ProduceRules = ProduceRules { version: 13, has_transactional_id: false };

fn configs(overrides: &[(&str, &str)]) -> TopicConfigs {
    let overrides: BTreeMap<String, String> =
        overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TopicConfigs::parse(&overrides).expect("the configs are legal")
}

fn builder(base_offset: i64, timestamp: i64, key: Option<&[u8]>) -> BatchBuilder {
    builder_with(BatchBuilder::new(Compression::None, base_offset), base_offset, timestamp, key)
}

fn builder_with(mut builder: BatchBuilder, base: i64, timestamp: i64, key: Option<&[u8]>) -> BatchBuilder {
    for offset in base..base + 2 {
        builder.push(offset, timestamp, key, Some(b"value"), []).expect("it fits");
    }
    builder
}

fn plain() -> Bytes {
    builder(0, NOW, None).finish()
}

fn rejection(records: Bytes, overrides: &[(&str, &str)]) -> InvalidBatch {
    validate(Some(records), &configs(overrides), RULES, Timestamp(NOW)).expect_err("a rule is broken")
}

#[test]
fn a_valid_batch_is_accepted_unchanged() {
    let batch = validate(Some(plain()), &configs(&[]), RULES, Timestamp(NOW)).expect("valid");
    assert_eq!(batch.bytes(), plain());
}

#[test]
fn no_records_and_two_batches_are_invalid() {
    assert_eq!(rejection(Bytes::new(), &[]), InvalidBatch::Batch(BatchError::Empty));
    assert_eq!(
        validate(None, &configs(&[]), RULES, Timestamp(NOW)).err(),
        Some(InvalidBatch::Batch(BatchError::Empty))
    );
    let twice = Bytes::from([plain(), plain()].concat());
    assert_eq!(rejection(twice, &[]), InvalidBatch::Batch(BatchError::Trailing { bytes: plain().len() }));
}

#[test]
fn a_flipped_bit_is_corruption_and_another_magic_is_not() {
    let mut flipped = plain().to_vec();
    *flipped.last_mut().expect("not empty") ^= 1;
    assert!(matches!(rejection(flipped.into(), &[]), InvalidBatch::Batch(error) if error.is_corruption()));
    let mut old = plain().to_vec();
    old[16] = 1;
    assert_eq!(rejection(old.into(), &[]), InvalidBatch::Batch(BatchError::Magic(1)));
}

#[test]
fn offsets_of_a_produced_batch_count_from_zero() {
    assert_eq!(rejection(builder(5, NOW, None).finish(), &[]), InvalidBatch::BaseOffset(5));
}

#[test]
fn a_batch_over_the_limit_is_rejected_with_the_limit() {
    let bytes = plain().len();
    let limit = (bytes - 1).to_string();
    assert_eq!(rejection(plain(), &[("max.message.bytes", &limit)]), InvalidBatch::TooLarge { bytes, max: bytes - 1 });
    let exact = bytes.to_string();
    assert!(validate(Some(plain()), &configs(&[("max.message.bytes", &exact)]), RULES, Timestamp(NOW)).is_ok());
}

#[test]
fn control_and_transactional_batches_are_rejected() {
    let control = builder_with(BatchBuilder::new(Compression::None, 0).control(), 0, NOW, None).finish();
    assert_eq!(rejection(control, &[]), InvalidBatch::Batch(BatchError::Control));
    let transactional =
        builder_with(BatchBuilder::new(Compression::None, 0).producer(1, 0, 0).transactional(), 0, NOW, None).finish();
    assert_eq!(rejection(transactional, &[]), InvalidBatch::NoTransactionalId);
}

#[test]
fn a_producer_without_a_sequence_is_invalid() {
    let batch = builder_with(BatchBuilder::new(Compression::None, 0).producer(1, 0, -1), 0, NOW, None).finish();
    assert!(matches!(rejection(batch, &[]), InvalidBatch::Batch(BatchError::Sequence { .. })));
}

#[test]
fn zstd_needs_produce_version_seven() {
    let batch = builder_with(BatchBuilder::new(Compression::Zstd, 0), 0, NOW, None).finish();
    let old = validate(Some(batch.clone()), &configs(&[]), ProduceRules { version: 5, ..RULES }, Timestamp(NOW));
    assert_eq!(old.err(), Some(InvalidBatch::Batch(BatchError::ZstdTooOld { version: 5 })));
    assert!(validate(Some(batch), &configs(&[]), ProduceRules { version: 7, ..RULES }, Timestamp(NOW)).is_ok());
}

#[test]
fn timestamps_have_bounds_and_none_is_always_legal() {
    let hours = 3_600_000;
    assert!(matches!(rejection(builder(0, NOW + 2 * hours, None).finish(), &[]), InvalidBatch::Timestamp(_)));
    let before = [("message.timestamp.before.max.ms", "1000")];
    let early = rejection(builder(0, NOW - 2_000, None).finish(), &before);
    assert!(matches!(early, InvalidBatch::Timestamp(faults) if faults.len() == 1));
    let keyed = [("message.timestamp.before.max.ms", "1000"), ("cleanup.policy", "compact")];
    for (overrides, key) in [(&before[..], None), (&keyed[..], Some(b"k".as_slice()))] {
        let unstamped = builder(0, -1, key).finish();
        assert!(validate(Some(unstamped), &configs(overrides), RULES, Timestamp(NOW)).is_ok());
    }
}

#[test]
fn a_compacted_topic_requires_a_key_in_every_record() {
    let compacted = [("cleanup.policy", "compact")];
    let InvalidBatch::Records(faults) = rejection(plain(), &compacted) else { panic!("records without keys") };
    assert_eq!(faults.iter().map(|fault| fault.index).collect::<Vec<_>>(), [0, 1]);
    let keyed = builder(0, NOW, Some(b"key")).finish();
    assert!(validate(Some(keyed), &configs(&compacted), RULES, Timestamp(NOW)).is_ok());
}

#[test]
fn log_append_time_stamps_and_ignores_the_producers_time() {
    let stamping = configs(&[("message.timestamp.type", "LogAppendTime")]);
    let batch = validate(Some(builder(0, 1, None).finish()), &stamping, RULES, Timestamp(NOW)).expect("valid");
    assert_eq!(batch.header().max_timestamp, NOW);
    assert_eq!(batch.header().attributes.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(batch.verify_crc(), Ok(()));
}

#[test]
fn a_log_append_time_bit_on_a_create_time_topic_is_accepted() {
    let stamped = Batch::exactly_one(plain()).expect("a batch").with_log_append_time(NOW + 7_200_000);
    assert!(validate(Some(stamped.bytes()), &configs(&[]), RULES, Timestamp(NOW)).is_ok());
}
