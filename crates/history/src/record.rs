//! One record as history stores it: everything that a consumer can see, without the batch it came in.

use alluvium_model::{Offset, Timestamp};
pub use alluvium_wire::batch::TimestampType;
use bytes::Bytes;

/// A Kafka record with its absolute offset and timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    /// The record's offset in the partition.
    pub offset: Offset,
    /// The record's timestamp, ms since the Unix epoch; a producer can send any value.
    pub timestamp: Timestamp,
    /// Whether the producer or the log set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key; `None` is Kafka's null.
    pub key: Option<Bytes>,
    /// The value; `None` is Kafka's null (a tombstone).
    pub value: Option<Bytes>,
    /// The headers in the producer's order, duplicates kept.
    pub headers: Vec<RecordHeader>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The name: UTF-8 by Kafka's specification, any bytes in practice.
    pub name: Bytes,
    /// The value; `None` is Kafka's null.
    pub value: Option<Bytes>,
}

impl HistoryRecord {
    /// Bytes of the key, value and headers: the record's size in memory and in a batch, except a few dozen bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|header| header.name.len() + length(&header.value)).sum();
        length(&self.key) + length(&self.value) + headers
    }
}
