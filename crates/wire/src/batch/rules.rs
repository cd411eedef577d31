//! Rules on single records, for topics that have them.

use std::ops::RangeInclusive;

use super::{Batch, BatchError, TimestampType};

/// Faults that one answer lists; the producer needs one to act, and a batch may hold millions.
pub const RECORD_FAULTS_MAX: usize = 100;

/// What a topic demands of every record.
#[derive(Clone, Debug)]
pub struct RecordRules {
    /// Every record has a key (compacted topics).
    pub key_required: bool,
    /// Timestamps that the producer may set (`message.timestamp.before.max.ms`, `message.timestamp.after.max.ms`).
    pub timestamps: RangeInclusive<i64>,
    /// Bytes that the records may take once decompressed.
    pub decompressed_bytes_max: usize,
}

/// A record that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {index}: {reason}")]
pub struct RecordFault {
    /// Which, from 0 (Kafka's `batch_index`).
    pub index: i32,
    /// Which rule.
    pub reason: RecordFaultReason,
}

/// Which rule a record breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFaultReason {
    /// No key in a compacted topic (`INVALID_RECORD`).
    #[error("compacted topic cannot accept message without key")]
    KeyMissing,
    /// A timestamp outside the topic's range (`INVALID_TIMESTAMP`).
    #[error("timestamp {timestamp} is out of range")]
    Timestamp {
        /// The record's.
        timestamp: i64,
    },
}

impl Batch {
    /// The records that break `rules` (the first [`RECORD_FAULTS_MAX`]); an error where the records are no valid
    /// sequence at all: every one must parse, with offset deltas 0, 1, 2 ..., and none be missing or left over.
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
