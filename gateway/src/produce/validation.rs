//! Which batches are accepted: the rules that Kafka checks before it appends, as a pure function.
//!
//! Records are decompressed only if a rule needs each of them (the keys of a compacted topic). For everything else the
//! header and the checksum are enough.

use std::ops::RangeInclusive;

use alluvium_model::topic_config::{TimestampType, TopicConfigs};
use alluvium_model::{Timestamp, limits};
use alluvium_wire::batch::{Batch, BatchError, RecordFault, RecordFaultReason, RecordRules};
use bytes::Bytes;
use thiserror::Error;

/// Why the records of one partition are rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidBatch {
    /// The bytes are not one acceptable batch ([`BatchError`] determines Kafka's code).
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A client's batch counts its offsets from 0 (`INVALID_RECORD`).
    #[error("the base offset of a produced batch should be 0, but it is {0}")]
    BaseOffset(i64),
    /// Larger than `max.message.bytes` (`MESSAGE_TOO_LARGE`).
    #[error("record batch of {bytes} bytes exceeds max.message.bytes ({max})")]
    TooLarge {
        /// The batch.
        bytes: usize,
        /// The topic's limit.
        max: usize,
    },
    /// Timestamps outside of the topic's bounds (`INVALID_TIMESTAMP`); each known fault.
    #[error("One or more records have been rejected due to invalid timestamp")]
    Timestamp(Vec<RecordFault>),
    /// Records without a key in a compacted topic (`INVALID_RECORD`); each known fault.
    #[error("One or more records have been rejected")]
    Records(Vec<RecordFault>),
    /// A transactional batch in a request without a transactional id (`TRANSACTIONAL_ID_AUTHORIZATION_FAILED`).
    #[error("a transactional batch needs a transactional id")]
    NoTransactionalId,
    /// A transactional batch without a producer id (`INVALID_RECORD`).
    #[error("a transactional batch needs a producer id")]
    NoProducer,
}

/// What the request says about its batches.
#[derive(Clone, Copy, Debug)]
pub struct ProduceRules {
    /// Its version.
    pub version: i16,
    /// Whether it has a transactional id.
    pub has_transactional_id: bool,
}

/// Validates `records`, which must be one batch, and stamps it if the topic's timestamp type is LogAppendTime.
///
/// # Errors
/// If it breaks a rule of Kafka.
pub fn validate(
    records: Option<Bytes>,
    configs: &TopicConfigs,
    request: ProduceRules,
    now: Timestamp,
) -> Result<Batch, InvalidBatch> {
    let batch = Batch::sent(records.unwrap_or_default())?;
    batch.check_produce_version(request.version)?;
    let header = batch.header();
    if header.base_offset != 0 {
        return Err(InvalidBatch::BaseOffset(header.base_offset));
    }
    if batch.len() > configs.max_message_bytes {
        return Err(InvalidBatch::TooLarge { bytes: batch.len(), max: configs.max_message_bytes });
    }
    batch.validate()?;
    if header.attributes.is_transactional() && !request.has_transactional_id {
        return Err(InvalidBatch::NoTransactionalId);
    }
    if header.attributes.is_transactional() && header.producer_id < 0 {
        return Err(InvalidBatch::NoProducer);
    }
    let stamped = configs.timestamp_type == TimestampType::LogAppendTime;
    let bounds = if stamped { i64::MIN..=i64::MAX } else { timestamp_bounds(configs, now) };
    check_timestamps(&batch, &bounds)?;
    if configs.cleanup.compact {
        check_keys(&batch, bounds)?;
    }
    Ok(if stamped { batch.with_log_append_time(now.0) } else { batch })
}

/// Timestamps that a producer may set.
fn timestamp_bounds(configs: &TopicConfigs, now: Timestamp) -> RangeInclusive<i64> {
    let millis = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let earliest = now.0.saturating_sub(millis(configs.timestamp_before_max));
    let latest = now.0.saturating_add(millis(configs.timestamp_after_max));
    earliest..=latest
}

/// Checks the timestamps in the header: the largest and the first. `-1` is Kafka's "no timestamp", always legal.
fn check_timestamps(batch: &Batch, bounds: &RangeInclusive<i64>) -> Result<(), InvalidBatch> {
    use alluvium_wire::batch::TimestampType as Stamp;
    let header = batch.header();
    if header.attributes.timestamp_type() == Stamp::LogAppendTime {
        return Ok(());
    }
    let bad = |timestamp: &i64| *timestamp != Timestamp::NONE.0 && !bounds.contains(timestamp);
    match [header.max_timestamp, header.base_timestamp].into_iter().find(bad) {
        Some(timestamp) => Err(InvalidBatch::Timestamp(vec![RecordFault {
            index: 0,
            reason: RecordFaultReason::Timestamp { timestamp },
        }])),
        None => Ok(()),
    }
}

/// Checks every record of a compacted topic: each must have a key.
fn check_keys(batch: &Batch, timestamps: RangeInclusive<i64>) -> Result<(), InvalidBatch> {
    let rules = RecordRules { key_required: true, timestamps, decompressed_bytes_max: limits::DECOMPRESSED_BYTES_MAX };
    let mut faults = batch.check_records(&rules)?;
    faults.retain(|fault| fault.reason != RecordFaultReason::Timestamp { timestamp: Timestamp::NONE.0 });
    if faults.is_empty() {
        Ok(())
    } else if faults.iter().any(|fault| matches!(fault.reason, RecordFaultReason::Timestamp { .. })) {
        Err(InvalidBatch::Timestamp(faults))
    } else {
        Err(InvalidBatch::Records(faults))
    }
}
