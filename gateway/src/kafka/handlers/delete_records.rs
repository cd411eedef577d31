//! DeleteRecords (21): moves the log start of partitions up.
//!
//! Offset -1 stands for the high watermark. An offset below the log start changes nothing.

use alluvium_model::{Offset, TopicPartition};
use alluvium_wire::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::metadata_cache::CachedTopic;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DeleteRecords, 0..=2, |call| answer(call, handle));

/// Stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

async fn handle(context: Context, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::fresh(agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        let found = lookup.by_name(&topic.name).await;
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for requested in topic.partitions {
            let result = match &found {
                Ok(topic) => trim(agent, topic, requested.partition_index, requested.offset).await,
                Err(error) => Err(error.clone()),
            };
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: requested.partition_index,
                low_watermark: result.as_ref().map_or(-1, |start| start.0),
                error_code: ApiError::of(&result).0,
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}

async fn trim(agent: &Agent, topic: &CachedTopic, index: i32, offset: i64) -> Result<Offset, ApiError> {
    let partition = topic.partition(index).ok_or_else(ApiError::unknown_topic_or_partition)?;
    if !topic.configs.cleanup.delete {
        let message = "records of a topic whose cleanup.policy lacks delete cannot be deleted";
        return Err(ApiError::new(ErrorCode::POLICY_VIOLATION, message));
    }
    let start = new_start(agent, partition, offset).await?;
    let head = agent.metastore.log.trim(partition, start, agent.clock.now()).await?;
    agent.metadata_cache.sync().await?;
    Ok(head.start)
}

async fn new_start(agent: &Agent, partition: TopicPartition, offset: i64) -> Result<Offset, ApiError> {
    agent.metadata_cache.sync().await?;
    let head = agent.metadata_cache.head(partition).await?.ok_or_else(ApiError::unknown_topic_or_partition)?;
    match offset {
        HIGH_WATERMARK => Ok(head.next),
        0.. if offset <= head.next.0 => Ok(Offset(offset)),
        _ => Err(ApiError::new(ErrorCode::OFFSET_OUT_OF_RANGE, "offset is beyond the high watermark, or negative")),
    }
}
