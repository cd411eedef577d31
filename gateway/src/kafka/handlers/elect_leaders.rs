//! ElectLeaders (43): never needed, since every agent serves every partition.
//!
//! - 1: the type of election, and an error for the whole response.

use std::ops::RangeInclusive;

use alluvium_wire::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult, TopicPartitions,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::metadata_cache::CachedTopic;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::ElectLeaders, 0..=2, |call| answer(call, handle));

/// Preferred and unclean.
const ELECTION_TYPES: RangeInclusive<i8> = 0..=1;

async fn handle(context: Context, request: ElectLeadersRequest) -> ElectLeadersResponse {
    if !ELECTION_TYPES.contains(&request.election_type) {
        return unknown_type(request);
    }
    let mut replica_election_results = Vec::new();
    match request.topic_partitions {
        None => {
            for topic in context.agent.metadata_cache.topics() {
                let partition_result = (0..topic.topic.partitions).map(|index| result(index, Ok(&topic))).collect();
                let topic = topic.topic.name.clone();
                replica_election_results.push(ReplicaElectionResult { topic, partition_result });
            }
        }
        Some(requested) => {
            let mut lookup = TopicLookup::new(&context.agent);
            for topic in requested {
                let found = lookup.by_name(&topic.topic).await;
                let partition_result = topic
                    .partitions
                    .iter()
                    .map(|index| result(*index, found.as_deref().map_err(ApiError::clone)))
                    .collect();
                replica_election_results.push(ReplicaElectionResult { topic: topic.topic, partition_result });
            }
        }
    }
    ElectLeadersResponse { replica_election_results, ..Default::default() }
}

/// Kafka reports an unknown type for the whole response, and again for each partition.
fn unknown_type(request: ElectLeadersRequest) -> ElectLeadersResponse {
    let error = ApiError::invalid_request(format!("Unknown election type {}.", request.election_type));
    let partition = |partition_id| PartitionResult {
        partition_id,
        error_code: error.code,
        error_message: Some(error.message.clone()),
    };
    let topic = |topic: TopicPartitions| ReplicaElectionResult {
        topic: topic.topic,
        partition_result: topic.partitions.into_iter().map(partition).collect(),
    };
    let replica_election_results = request.topic_partitions.into_iter().flatten().map(topic).collect();
    ElectLeadersResponse { error_code: error.code, replica_election_results, ..Default::default() }
}

fn result(index: i32, topic: Result<&CachedTopic, ApiError>) -> PartitionResult {
    let error = match topic.map(|topic| topic.partition(index)) {
        Ok(Some(_)) => ApiError::new(ErrorCode::ELECTION_NOT_NEEDED, "Leader election not needed for topic partition."),
        Ok(None) => ApiError::unknown_topic_or_partition(),
        Err(error) => error,
    };
    PartitionResult { partition_id: index, error_code: error.code, error_message: Some(error.message) }
}
