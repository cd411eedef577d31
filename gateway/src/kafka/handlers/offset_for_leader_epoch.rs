//! OffsetForLeaderEpoch (23): where the log of an epoch ends, by which consumers detect lost records.
//!
//! There is one epoch for ever, and it ends at the high watermark. An epoch that never was has no end (-1).
//!
//! - 2: exactly what librdkafka uses. 3: who asks.

use alluvium_model::TopicPartition;
use alluvium_wire::ApiKey;
use alluvium_wire::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};

use crate::agent::Agent;
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::Refused;
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::{self, LEADER_EPOCH};

pub const HANDLER: Handler = Handler::new(ApiKey::OffsetForLeaderEpoch, 2..=4, |call| answer(call, handle));

async fn handle(context: Context, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::fresh(agent);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let metadata_cache = lookup.by_name(&topic.topic).await;
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let partition = match &metadata_cache {
                Ok(metadata_cache) => {
                    metadata_cache.partition(asked.partition).ok_or_else(Refused::unknown_topic_or_partition)
                }
                Err(refused) => Err(refused.clone()),
            };
            partitions.push(match end(agent, partition, &asked).await {
                Ok(end) => EpochEndOffset { partition: asked.partition, ..end },
                Err(refused) => {
                    EpochEndOffset { partition: asked.partition, error_code: refused.code, ..Default::default() }
                }
            });
        }
        topics.push(OffsetForLeaderTopicResult { topic: topic.topic, partitions });
    }
    OffsetForLeaderEpochResponse { topics, ..Default::default() }
}

async fn end(
    agent: &Agent,
    partition: Result<TopicPartition, Refused>,
    asked: &OffsetForLeaderPartition,
) -> Result<EpochEndOffset, Refused> {
    let partition = partition?;
    topology::check_epoch(asked.current_leader_epoch)?;
    if asked.leader_epoch != LEADER_EPOCH {
        return Ok(EpochEndOffset::default());
    }
    let head = agent.metadata_cache.head(partition).await?.ok_or_else(Refused::unknown_topic_or_partition)?;
    Ok(EpochEndOffset { leader_epoch: LEADER_EPOCH, end_offset: head.next.0, ..Default::default() })
}
