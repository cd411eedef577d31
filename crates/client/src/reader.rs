//! Reads partitions over one connection by long polls, from given offsets on.

use std::{collections::BTreeMap, time::Duration};

use alluvium_wire::{
    batch::Batch,
    messages::fetch::{FetchPartition, FetchRequest, FetchTopic},
};
use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::{ClientError, Connection};

/// Limits of one fetch; the defaults are those of Kafka's consumer.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// `fetch.min.bytes`: bytes that the broker waits for.
    pub min_bytes: i32,
    /// `fetch.max.bytes`: bytes of one response.
    pub max_bytes: i32,
    /// `max.partition.fetch.bytes`: bytes of one partition in a response.
    pub partition_max_bytes: i32,
    /// `fetch.max.wait.ms`: how long the broker waits for `min_bytes`.
    pub max_wait: Duration,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self { min_bytes: 1, max_bytes: 50 << 20, partition_max_bytes: 1 << 20, max_wait: Duration::from_millis(500) }
    }
}

/// One batch, whole, with the partition that it came from.
#[derive(Clone, Debug)]
pub struct FetchedBatch {
    /// Index of the partition.
    pub partition: i32,
    /// The first new offset: the batch may begin with records before it, which were read already.
    pub from: i64,
    /// The whole batch as it was fetched.
    pub batch: Batch,
}

/// Reads some partitions of a topic over one connection.
pub struct PartitionReader {
    connection: Connection,
    config: ReaderConfig,
    topic: (String, Uuid),
    positions: BTreeMap<i32, i64>,
    turn: usize,
}

impl PartitionReader {
    /// A reader of `topic` (name and id) from `positions` (partition to offset) on.
    #[must_use]
    pub fn new(
        connection: Connection,
        topic: (String, Uuid),
        positions: BTreeMap<i32, i64>,
        config: ReaderConfig,
    ) -> Self {
        Self { connection, config, topic, positions, turn: 0 }
    }

    /// The offset of the next record of each partition.
    #[must_use]
    pub fn positions(&self) -> &BTreeMap<i32, i64> {
        &self.positions
    }

    /// Sends one fetch and returns whole new batches, in order within their partition; none if nothing came in time. A
    /// partition's error does not affect the others: it is returned only if no partition returned batches.
    ///
    /// # Errors
    /// If the broker responds with an error or with a malformed batch, and with no batches besides.
    pub async fn poll(&mut self) -> Result<Vec<FetchedBatch>, ClientError> {
        let request = self.request();
        let response = self.connection.call(&request).await?;
        ClientError::check(format!("fetching {}", self.topic.0), response.error_code, None)?;
        let (mut batches, mut failure) = (Vec::new(), None);
        for data in response.responses.into_iter().flat_map(|topic| topic.partitions) {
            let partition = data.partition_index;
            let checked = ClientError::check(format!("fetching partition {partition}"), data.error_code, None);
            let outcome = match (checked, data.records) {
                (Ok(()), Some(records)) => self.parse_batches(partition, joined(&records.into_parts()), &mut batches),
                (checked, _) => checked,
            };
            failure = failure.or(outcome.err());
        }
        match failure {
            Some(error) if batches.is_empty() => Err(error),
            _ => Ok(batches),
        }
    }

    fn request(&mut self) -> FetchRequest {
        self.turn += 1;
        let mut partitions: Vec<FetchPartition> = self
            .positions
            .iter()
            .map(|(&partition, &fetch_offset)| FetchPartition {
                partition,
                fetch_offset,
                partition_max_bytes: self.config.partition_max_bytes,
                ..FetchPartition::default()
            })
            .collect();
        // Brokers fill a response in the order of the request: every partition is first in turn.
        let turn = self.turn % partitions.len().max(1);
        partitions.rotate_left(turn);
        FetchRequest {
            max_wait_ms: i32::try_from(self.config.max_wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: self.config.min_bytes,
            max_bytes: self.config.max_bytes,
            topics: vec![FetchTopic { topic: self.topic.0.clone(), topic_id: self.topic.1, partitions }],
            ..FetchRequest::default()
        }
    }

    fn parse_batches(
        &mut self,
        partition: i32,
        mut records: Bytes,
        batches: &mut Vec<FetchedBatch>,
    ) -> Result<(), ClientError> {
        let Some(position) = self.positions.get_mut(&partition) else { return Ok(()) };
        while !records.is_empty() {
            let batch = match Batch::parse(&mut records) {
                Ok(batch) => batch,
                // A broker may truncate the last batch.
                Err(_) if batches.last().is_some_and(|last| last.partition == partition) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let end = batch.header().base_offset + i64::from(batch.header().last_offset_delta) + 1;
            let from = std::mem::replace(position, end);
            batches.push(FetchedBatch { partition, from, batch });
        }
        Ok(())
    }
}

/// All parts in one slice; without a copy if there is only one.
fn joined(parts: &[Bytes]) -> Bytes {
    match parts {
        [] => Bytes::new(),
        [one] => one.clone(),
        many => {
            let mut whole = BytesMut::with_capacity(many.iter().map(Bytes::len).sum());
            many.iter().for_each(|part| whole.extend_from_slice(part));
            whole.freeze()
        }
    }
}
