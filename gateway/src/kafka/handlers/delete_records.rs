//! DeleteRecords (21): moves the start of logs up.
//!
//! - -1 stands for the high watermark. An offset below the log's start changes nothing.

use alluvium_model::{Offset, TopicPartition};
use alluvium_wire::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::Refused;
use crate::kafka::topic_lookup::TopicLookup;
use crate::metadata_cache::CachedTopic;

pub const HANDLER: Handler = Handler::new(ApiKey::DeleteRecords, 0..=2, |call| answer(call, handle));

/// Stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

async fn handle(context: Context, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::fresh(agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        let metadata_cache = lookup.by_name(&topic.name).await;
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let result = match &metadata_cache {
                Ok(metadata_cache) => trim(agent, metadata_cache, asked.partition_index, asked.offset).await,
                Err(refused) => Err(refused.clone()),
            };
            partitions.push(DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: result.as_ref().map_or(-1, |start| start.0),
                error_code: Refused::of(&result).0,
            });
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}

async fn trim(agent: &Agent, topic: &CachedTopic, index: i32, offset: i64) -> Result<Offset, Refused> {
    let partition = topic.partition(index).ok_or_else(Refused::unknown_topic_or_partition)?;
    if !topic.configs.cleanup.delete {
        let message = "records of a topic whose cleanup.policy lacks delete cannot be deleted";
        return Err(Refused::new(ErrorCode::POLICY_VIOLATION, message));
    }
    let start = new_start(agent, partition, offset).await?;
    let head = agent.metastore.log.trim(partition, start, agent.clock.now(), agent.config.retire_grace).await?;
    agent.metadata_cache.sync().await?;
    Ok(head.start)
}

async fn new_start(agent: &Agent, partition: TopicPartition, offset: i64) -> Result<Offset, Refused> {
    agent.metadata_cache.sync().await?;
    let head = agent.metadata_cache.head(partition).await?.ok_or_else(Refused::unknown_topic_or_partition)?;
    match offset {
        HIGH_WATERMARK => Ok(head.next),
        0.. if offset <= head.next.0 => Ok(Offset(offset)),
        _ => Err(Refused::new(ErrorCode::OFFSET_OUT_OF_RANGE, "offset is beyond the high watermark, or negative")),
    }
}
