//! Reads partitions of one leader by long polls, from given offsets on.

use std::{collections::BTreeMap, time::Duration};

use alluvium_wire::{
    batch::Batch,
    messages::fetch::{FetchPartition, FetchRequest, FetchTopic},
};
use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::{ClientError, Connection};

/// How a reader fetches; the defaults are those of Kafka's consumer.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    /// `fetch.min.bytes`.
    pub min_bytes: i32,
    /// `fetch.max.bytes`.
    pub max_bytes: i32,
    /// `max.partition.fetch.bytes`.
    pub partition_max_bytes: i32,
    /// `fetch.max.wait.ms`.
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
    /// Partition.
    pub partition: i32,
    /// First offset that was asked for: records before it are in the batch but were read already.
    pub from: i64,
    /// The batch.
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
    /// Starts at `positions` (partition to offset).
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

    /// One fetch: whole batches that are new, in order within their partition; none where nothing came in time. A partition
    /// that fails takes nothing from the others: its error is told when nothing else came.
    ///
    /// # Errors
    /// Where the broker answers with an error, or with what is no batch, and with nothing besides.
    pub async fn poll(&mut self) -> Result<Vec<FetchedBatch>, ClientError> {
        let request = self.request();
        let answer = self.connection.call(&request).await?;
        ClientError::check(format!("fetching {}", self.topic.0), answer.error_code, None)?;
        let (mut batches, mut failure) = (Vec::new(), None);
        for data in answer.responses.into_iter().flat_map(|topic| topic.partitions) {
            let partition = data.partition_index;
            let checked = ClientError::check(format!("fetching partition {partition}"), data.error_code, None);
            let taken = match (checked, data.records) {
                (Ok(()), Some(records)) => self.take(partition, joined(&records.into_parts()), &mut batches),
                (outcome, _) => outcome,
            };
            failure = failure.or(taken.err());
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
        // Brokers fill an answer in the order asked: let every partition be first in turn.
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

    fn take(&mut self, partition: i32, mut records: Bytes, batches: &mut Vec<FetchedBatch>) -> Result<(), ClientError> {
        let Some(position) = self.positions.get_mut(&partition) else { return Ok(()) };
        while !records.is_empty() {
            let batch = match Batch::parse(&mut records) {
                Ok(batch) => batch,
                // A broker may cut the last batch short.
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

/// One slice of all parts; without a copy where there is only one.
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
