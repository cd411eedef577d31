//! OffsetForLeaderEpoch (23): the end offset of a leader epoch, by which consumers detect lost records.
//!
//! There is only one epoch, and it ends at the high watermark. An unknown epoch has no end (-1).
//!
//! - 2: exactly what librdkafka uses. 3: the replica id of the requester, which is ignored.

use alluvium_model::TopicPartition;
use alluvium_model::limits::LEADER_EPOCH;
use alluvium_wire::ApiKey;
use alluvium_wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

use crate::agent::Agent;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::check_epoch;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::OffsetForLeaderEpoch, 2..=4, |call| answer(call, handle));

async fn handle(context: Context, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::fresh(agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = lookup.by_name(&topic.topic).await;
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for requested in topic.partitions {
            let partition = match &found {
                Ok(topic) => topic.partition(requested.partition).ok_or_else(ApiError::unknown_topic_or_partition),
                Err(error) => Err(error.clone()),
            };
            partitions.push(match end(agent, partition, &requested).await {
                Ok(end) => EpochEndOffset { partition: requested.partition, ..end },
                Err(error) => {
                    EpochEndOffset { partition: requested.partition, error_code: error.code, ..Default::default() }
                }
            });
        }
        topics.push(OffsetForLeaderTopicResult { topic: topic.topic, partitions });
    }
    OffsetForLeaderEpochResponse { topics, ..Default::default() }
}

async fn end(
    agent: &Agent,
    partition: Result<TopicPartition, ApiError>,
    requested: &OffsetForLeaderPartition,
) -> Result<EpochEndOffset, ApiError> {
    let partition = partition?;
    check_epoch(requested.current_leader_epoch)?;
    if requested.leader_epoch != LEADER_EPOCH {
        return Ok(EpochEndOffset::default());
    }
    let head = agent.metadata_cache.head(partition).await?.ok_or_else(ApiError::unknown_topic_or_partition)?;
    Ok(EpochEndOffset { leader_epoch: LEADER_EPOCH, end_offset: head.next.0, ..Default::default() })
}
