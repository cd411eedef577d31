//! AlterPartitionReassignments (45): accepted without any effect, because there are no replicas to move.

use alluvium_wire::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::metadata_cache::CachedTopic;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::AlterPartitionReassignments, 0..=1, |call| answer(call, handle));

async fn handle(context: Context, request: AlterPartitionReassignmentsRequest) -> AlterPartitionReassignmentsResponse {
    let mut lookup = TopicLookup::new(&context.agent);
    let mut responses = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = lookup.by_name(&topic.name).await;
        let partitions = topic
            .partitions
            .iter()
            .map(|requested| {
                let topic = found.as_deref().map_err(ApiError::clone);
                let result = topic.and_then(|topic| reassign(topic, requested));
                let (error_code, error_message) = ApiError::of(&result);
                ReassignablePartitionResponse { partition_index: requested.partition_index, error_code, error_message }
            })
            .collect();
        responses.push(ReassignableTopicResponse { name: topic.name, partitions });
    }
    AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        error_message: None,
        responses,
        ..Default::default()
    }
}

fn reassign(topic: &CachedTopic, requested: &ReassignablePartition) -> Result<(), ApiError> {
    if topic.partition(requested.partition_index).is_none() {
        return Err(ApiError::unknown_topic_or_partition());
    }
    match &requested.replicas {
        Some(_) => Ok(()),
        None => Err(ApiError::new(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.")),
    }
}
