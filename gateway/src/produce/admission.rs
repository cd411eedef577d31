//! Which batches are let in: the rules of DESIGN 3.1 and Kafka's answers to what breaks them, as a pure function.

use alluvium_model::Timestamp;
use alluvium_model::topic_config::TopicConfigs;
use alluvium_wire::batch::Batch;
use bytes::Bytes;
use thiserror::Error;

/// Why the records of one partition are not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The checksum or the layout does not hold.
    #[error("corrupt batch: {0}")]
    Corrupt(String),
    /// Well-formed, but against a rule.
    #[error("invalid record: {0}")]
    Invalid(String),
    /// Larger than `max.message.bytes`.
    #[error("batch of {bytes} bytes exceeds max.message.bytes ({max})")]
    TooLarge {
        /// The batch.
        bytes: usize,
        /// The topic's limit.
        max: usize,
    },
    /// A timestamp outside of the topic's bounds.
    #[error("one or more records have been rejected due to invalid timestamp")]
    Timestamp,
    /// A codec that this request version may not use, or that nobody knows.
    #[error("unsupported compression type: {0}")]
    Compression(String),
    /// A transactional batch: there are no transactions yet.
    #[error("transactional batches are not supported")]
    Transactional,
}

/// Lets in the one batch that `records` must be, stamped where the topic says LogAppendTime.
///
/// # Errors
/// With Kafka's reason where a rule is broken.
pub fn admit(
    records: Option<Bytes>,
    configs: &TopicConfigs,
    zstd_known: bool,
    now: Timestamp,
) -> Result<Batch, Refusal> {
    let _ = (records, configs, zstd_known, now);
    unimplemented!()
}
