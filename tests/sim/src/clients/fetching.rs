//! Fetch requests, and their answers as events of the history.

use std::time::Duration;

use alluvium_client::{ClientError, ConnectionPool, TopicLayout};
use alluvium_model::{Offset, PartitionIndex, ProducerId, Timestamp, TopicId, TopicPartition};
use alluvium_wire::ErrorCode;
use alluvium_wire::batch::Batch;
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use alluvium_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use bytes::{Bytes, BytesMut};

use super::values;
use crate::history::{AgentAddress, Isolation, Marker, Poll, Seen, ValueId};

/// `ListOffsets`' name for the start of a partition.
const EARLIEST: i64 = -2;
/// Limit of the decompressed bytes of one batch: batches of the simulation are far smaller.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// The answer for one partition.
pub enum Reply {
    /// Batches, or none.
    Polled(Poll),
    /// OFFSET_OUT_OF_RANGE: the offset is deleted, or not written yet.
    OutOfRange,
    /// Another error.
    Refused(ErrorCode),
}

/// The answer for one partition of a fetch.
pub struct Fetched {
    /// The index of the partition.
    pub partition: i32,
    /// Its answer.
    pub reply: Reply,
}

/// Fetches from one topic.
pub struct Fetcher {
    /// The topic.
    pub topic: TopicLayout,
    /// How long the broker may wait for records (`fetch.max.wait.ms`).
    pub max_wait: Duration,
    /// `max.partition.fetch.bytes`.
    pub partition_bytes_max: i32,
    /// `isolation.level`.
    pub isolation: Isolation,
}

impl Fetcher {
    /// The name of a partition of the topic.
    #[must_use]
    pub fn name(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(TopicId(self.topic.id), PartitionIndex(partition))
    }

    /// The request for `positions`: partitions and offsets.
    #[must_use]
    pub fn request(&self, positions: &[(i32, i64)]) -> FetchRequest {
        let partition = |(partition, fetch_offset): &(i32, i64)| FetchPartition {
            partition: *partition,
            fetch_offset: *fetch_offset,
            partition_max_bytes: self.partition_bytes_max,
            ..FetchPartition::default()
        };
        FetchRequest {
            max_wait_ms: i32::try_from(self.max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: 1,
            replica_id: -1,
            isolation_level: i8::from(self.isolation == Isolation::ReadCommitted),
            topics: vec![FetchTopic {
                topic: self.topic.name.clone(),
                topic_id: self.topic.id,
                partitions: positions.iter().map(partition).collect(),
            }],
            ..FetchRequest::default()
        }
    }

    /// Fetches from the broker at `address`.
    ///
    /// # Errors
    /// If no answer comes, or it is an error.
    pub async fn fetch(
        &self,
        routes: &mut ConnectionPool,
        address: &str,
        positions: &[(i32, i64)],
        began: Duration,
    ) -> Result<Vec<Fetched>, ClientError> {
        let request = self.request(positions);
        let answer = routes.call_at(address, &request).await?;
        ClientError::check("fetching", answer.error_code, None)?;
        let agent = AgentAddress::from(address);
        let data = answer.responses.into_iter().flat_map(|topic| topic.partitions);
        Ok(data.map(|data| self.sort_out(data, positions, &agent, began)).collect())
    }

    fn sort_out(
        &self,
        data: PartitionData,
        positions: &[(i32, i64)],
        agent: &AgentAddress,
        began: Duration,
    ) -> Fetched {
        let partition = data.partition_index;
        let requested =
            positions.iter().find(|(requested, _)| *requested == partition).map_or(-1, |(_, offset)| *offset);
        let reply = match data.error_code {
            ErrorCode::NONE => Reply::Polled(self.poll(data, requested, agent, began)),
            ErrorCode::OFFSET_OUT_OF_RANGE => Reply::OutOfRange,
            code => Reply::Refused(code),
        };
        Fetched { partition, reply }
    }

    fn poll(&self, data: PartitionData, from: i64, agent: &AgentAddress, began: Duration) -> Poll {
        let bytes = data.records.map(|records| joined(&records.into_parts())).unwrap_or_default();
        let BatchesSeen { records, markers, next } = seen(bytes, from);
        Poll {
            began,
            partition: self.name(data.partition_index),
            from: Offset(from),
            next: Offset(next),
            records,
            markers,
            isolation: self.isolation,
            agent: agent.clone(),
            source: None,
            high_watermark: Offset(data.high_watermark),
            stable: Offset(data.last_stable_offset),
            log_start: Offset(data.log_start_offset),
        }
    }

    /// The log start of `partition`, requested from the broker at `address`.
    ///
    /// # Errors
    /// If no answer comes, or it is an error.
    pub async fn start(&self, routes: &mut ConnectionPool, address: &str, partition: i32) -> Result<i64, ClientError> {
        let requested = ListOffsetsPartition { partition_index: partition, timestamp: EARLIEST, ..Default::default() };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic { name: self.topic.name.clone(), partitions: vec![requested] }],
            ..ListOffsetsRequest::default()
        };
        let answer = routes.call_at(address, &request).await?;
        let found = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
        let found = found.ok_or_else(|| ClientError::Timeout("the answer leaves the partition out".to_owned()))?;
        ClientError::check("log start", found.error_code, None)?;
        Ok(found.offset)
    }
}

/// What an answer holds.
struct BatchesSeen {
    records: Vec<Seen>,
    markers: Vec<Marker>,
    /// The offset after the last batch.
    next: i64,
}

/// The records and markers in `bytes` from offset `from` on.
fn seen(mut bytes: Bytes, from: i64) -> BatchesSeen {
    let (mut records, mut markers, mut next) = (Vec::new(), Vec::new(), from);
    while !bytes.is_empty() {
        let Ok(batch) = Batch::parse(&mut bytes) else { break };
        let header = *batch.header();
        next = header.base_offset + i64::from(header.last_offset_delta) + 1;
        if header.attributes.is_control() {
            markers.extend(marker(&batch).filter(|marker| marker.offset.0 >= from));
            continue;
        }
        let garbled = Seen {
            offset: Offset(header.base_offset),
            value: ValueId::GARBLED,
            timestamp: Timestamp(header.base_timestamp),
        };
        let Ok(decoded) = batch.records(BATCH_BYTES_MAX) else {
            records.push(garbled);
            continue;
        };
        if batch.verify_crc().is_err() {
            records.push(garbled);
        }
        for record in &decoded {
            let Ok(record) = record else {
                records.push(garbled);
                break;
            };
            if record.offset >= from {
                let value = values::decode(record.value);
                records.push(Seen { offset: Offset(record.offset), value, timestamp: Timestamp(record.timestamp) });
            }
        }
    }
    BatchesSeen { records, markers, next }
}

/// The end of a transaction that a control batch stands for; `None` if it is another kind of control batch.
fn marker(batch: &Batch) -> Option<Marker> {
    let header = *batch.header();
    let decoded = batch.records(BATCH_BYTES_MAX).ok()?;
    let record = decoded.iter().next()?.ok()?;
    // Its key: a version, and a kind.
    let commit = match record.key? {
        [_, _, 0, 0] => false,
        [_, _, 0, 1] => true,
        _ => return None,
    };
    Some(Marker { offset: Offset(header.base_offset), producer: ProducerId(header.producer_id), commit })
}

/// Joins the parts of an answer's records.
fn joined(parts: &[Bytes]) -> Bytes {
    let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| whole.extend_from_slice(part));
    whole.freeze()
}
