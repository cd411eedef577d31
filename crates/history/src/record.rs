//! One record as history keeps it: everything a consumer can see of it, and nothing of the batch it came in.

use alluvium_model::{Offset, Timestamp};
pub use alluvium_wire::batch::TimestampType;
use bytes::Bytes;

/// A Kafka record with its absolute offset and timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    /// Its offset in the partition.
    pub offset: Offset,
    /// Its timestamp, ms; any value that a producer sent.
    pub timestamp: Timestamp,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// `None` is Kafka's null.
    pub key: Option<Bytes>,
    /// `None` is Kafka's null (a tombstone).
    pub value: Option<Bytes>,
    /// In the producer's order, duplicates kept.
    pub headers: Vec<RecordHeader>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// UTF-8 by Kafka's rule, any bytes in practice.
    pub name: Bytes,
    /// `None` is Kafka's null.
    pub value: Option<Bytes>,
}

impl HistoryRecord {
    /// Bytes of its key, value and headers: what it costs in memory and in a batch, but for some dozen bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|header| header.name.len() + length(&header.value)).sum();
        length(&self.key) + length(&self.value) + headers
    }
}
