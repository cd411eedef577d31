//! Batches as producers send them, valid and invalid.

use alluvium_runtime::{Clock, SystemClock};
use alluvium_wire::{
    batch::{BatchBuilder, BatchHeader, Compression},
    messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData},
};
use bytes::Bytes;
use uuid::Uuid;

use crate::side::Side;

/// The timestamp of all records: the beginning of this hour, so that it is the same on both sides and within all
/// bounds.
pub fn hour() -> i64 {
    const HOUR_MS: i64 = 3_600_000;
    let now = SystemClock.now().0;
    now - now % HOUR_MS
}

/// A batch builder at offset 0.
pub fn builder() -> BatchBuilder {
    BatchBuilder::new(Compression::None, 0)
}

/// `builder` with a record per value, a millisecond apart.
pub fn filled(mut builder: BatchBuilder, values: &[&str]) -> Bytes {
    for (offset, value) in (0..).zip(values) {
        let header = (b"h".as_slice(), Some(b"x".as_slice()));
        builder.push(offset, hour() + offset, Some(b"k"), Some(value.as_bytes()), [header]).expect("it fits");
    }
    builder.finish()
}

/// A plain batch of these values.
pub fn batch(values: &[&str]) -> Bytes {
    filled(builder(), values)
}

/// A plain batch of `n` records from a producer.
pub fn sequenced(producer: i64, epoch: i16, first: i32, n: usize) -> Bytes {
    filled(builder().producer(producer, epoch, first), &vec!["v"; n])
}

/// The same batch with another header, and the checksum that belongs to it.
pub fn altered(batch: &Bytes, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = BatchHeader::parse(batch).expect("a sound batch");
    let body = batch.slice(BatchHeader::LEN..);
    change(&mut header);
    header.crc = header.checksum(&body);
    [&header.encode()[..], &body[..]].concat().into()
}

/// The same batch with another header, and the old checksum.
pub fn damaged(batch: &Bytes, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = BatchHeader::parse(batch).expect("a sound batch");
    change(&mut header);
    [&header.encode()[..], &batch[BatchHeader::LEN..]].concat().into()
}

/// One topic's records by partition.
pub fn topic(name: &str, topic_id: Uuid, partitions: &[(i32, Option<Bytes>)]) -> TopicProduceData {
    let partition =
        |(index, records): &(i32, Option<Bytes>)| PartitionProduceData { index: *index, records: records.clone() };
    TopicProduceData { name: name.to_owned(), topic_id, partition_data: partitions.iter().map(partition).collect() }
}

/// A request with acknowledgement by the leader.
pub fn produce(topics: Vec<TopicProduceData>) -> ProduceRequest {
    ProduceRequest { acks: 1, timeout_ms: 10_000, topic_data: topics, transactional_id: None }
}

/// A topic of one partition, and its id.
pub struct Log {
    pub name: String,
    pub id: Uuid,
}

impl Log {
    pub async fn create(side: &Side, name: &str, configs: &[(&str, &str)]) -> Self {
        Self { id: side.topic(name, 1, configs).await, name: side.name(name) }
    }

    /// Asks to append `records` to partition 0.
    pub fn append(&self, records: Bytes) -> ProduceRequest {
        produce(vec![topic(&self.name, self.id, &[(0, Some(records))])])
    }

    /// Appends, not for comparison.
    pub async fn write(&self, side: &Side, records: Bytes) {
        let ProduceResponse { responses, .. } = side.ask(&self.append(records)).await;
        let code = responses[0].partition_responses[0].error_code;
        assert!(code.is_none(), "{}: {code:?}", side.address);
    }
}
