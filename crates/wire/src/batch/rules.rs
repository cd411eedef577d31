//! Topic rules that are checked per record.

use std::ops::RangeInclusive;

use super::{Batch, BatchError, TimestampType};

/// Faults listed in one response; the producer needs one to act, and a batch may have millions.
pub const RECORD_FAULTS_MAX: usize = 100;

/// A topic's rules for every record.
#[derive(Clone, Debug)]
pub struct RecordRules {
    /// Whether every record needs a key (compacted topics).
    pub key_required: bool,
    /// Range of timestamps that the producer may set, ms (`message.timestamp.before.max.ms`,
    /// `message.timestamp.after.max.ms`).
    pub timestamps: RangeInclusive<i64>,
    /// Largest decompressed size of the records in bytes.
    pub decompressed_bytes_max: usize,
}

/// A record that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {index}: {reason}")]
pub struct RecordFault {
    /// Position of the record in the batch, from 0 (Kafka's `batch_index`).
    pub index: i32,
    /// The rule that it breaks.
    pub reason: RecordFaultReason,
}

/// The rule that a record breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFaultReason {
    /// No key in a compacted topic (`INVALID_RECORD`).
    #[error("compacted topic cannot accept message without key")]
    KeyMissing,
    /// A timestamp outside the topic's range (`INVALID_TIMESTAMP`).
    #[error("timestamp {timestamp} is out of range")]
    Timestamp {
        /// The record's timestamp, ms.
        timestamp: i64,
    },
}

impl Batch {
    /// The records that break `rules` (the first [`RECORD_FAULTS_MAX`]). An error if the records are not a valid
    /// sequence: all must parse, with offset deltas 0, 1, 2 ..., and none may be missing or left over.
    pub fn check_records(&self, rules: &RecordRules) -> Result<Vec<RecordFault>, BatchError> {
        let records = self.records(rules.decompressed_bytes_max)?;
        let producer_sets_time = self.header().attributes.timestamp_type() == TimestampType::CreateTime;
        let mut faults = Vec::new();
        for (index, record) in (0..).zip(&records) {
            let record = record?;
            if record.offset_delta != index {
                return Err(BatchError::Record { index, reason: "its offset does not follow from the one before" });
            }
            let timestamp = record.timestamp;
            let reason = if rules.key_required && record.key.is_none() {
                RecordFaultReason::KeyMissing
            } else if producer_sets_time && !rules.timestamps.contains(&timestamp) {
                RecordFaultReason::Timestamp { timestamp }
            } else {
                continue;
            };
            if faults.len() < RECORD_FAULTS_MAX {
                faults.push(RecordFault { index, reason });
            }
        }
        Ok(faults)
    }
}
