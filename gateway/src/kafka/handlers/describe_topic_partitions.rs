//! DescribeTopicPartitions (75): topics with their partitions, by name and in pages (KIP-966).

use std::sync::Arc;

use alluvium_model::TopicPartition;
use alluvium_model::limits::LEADER_EPOCH;
use alluvium_model::topic::check_name;
use alluvium_wire::messages::OPERATIONS_OMITTED;
use alluvium_wire::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic, TopicRequest,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::{TOPIC_OPERATIONS, Topology};
use crate::metadata_cache::CachedTopic;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::DescribeTopicPartitions, 0..=0, |call| answer(call, handle));

/// Partitions in one page (Kafka's `max.request.partition.size.limit`).
const PAGE_PARTITIONS_MAX: i32 = 2_000;

async fn handle(context: Context, request: DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    if let Err(error) = check_cursor(&request) {
        let topic = |topic: TopicRequest| undescribed(topic.name, error.code, OPERATIONS_OMITTED);
        return DescribeTopicPartitionsResponse {
            topics: request.topics.into_iter().map(topic).collect(),
            ..Default::default()
        };
    }
    let found = requested(&context, &request).await;
    let topology = Topology::of(&context);
    let mut left = request.response_partition_limit.clamp(1, PAGE_PARTITIONS_MAX);
    let mut response = DescribeTopicPartitionsResponse::default();
    for (name, found) in found {
        let first = match &request.cursor {
            Some(cursor) if cursor.topic_name == name => cursor.partition_index,
            _ => 0,
        };
        if left == 0 {
            response.next_cursor = Some(Cursor { topic_name: name, partition_index: first });
            break;
        }
        let topic = match found {
            Ok(topic) => topic,
            Err(error) => {
                response.topics.push(undescribed(name, error.code, TOPIC_OPERATIONS));
                continue;
            }
        };
        let end = topic.topic.partitions.min(first.saturating_add(left));
        response.topics.push(described(&topology, &topic, first..end));
        left -= (end - first).max(0);
        if end < topic.topic.partitions {
            response.next_cursor = Some(Cursor { topic_name: name, partition_index: end });
            break;
        }
    }
    response
}

/// Checks that the page begins with one of the requested topics.
fn check_cursor(request: &DescribeTopicPartitionsRequest) -> Result<(), ApiError> {
    let Some(cursor) = &request.cursor else { return Ok(()) };
    if !request.topics.is_empty() && !request.topics.iter().any(|topic| topic.name == cursor.topic_name) {
        let message = format!("topic list should contain the cursor topic: {}", cursor.topic_name);
        return Err(ApiError::invalid_request(message));
    }
    if cursor.partition_index < 0 {
        return Err(ApiError::invalid_request(format!("no partition to begin with: {}", cursor.partition_index)));
    }
    Ok(())
}

/// The requested topics, by name, from the cursor on.
async fn requested(
    context: &Context,
    request: &DescribeTopicPartitionsRequest,
) -> Vec<(String, Result<Arc<CachedTopic>, ApiError>)> {
    let from = request.cursor.as_ref().map_or("", |cursor| cursor.topic_name.as_str());
    if request.topics.is_empty() {
        let mut topics = context.agent.metadata_cache.topics();
        topics.sort_by(|one, other| one.topic.name.cmp(&other.topic.name));
        topics.retain(|topic| topic.topic.name.as_str() >= from);
        return topics.into_iter().map(|topic| (topic.topic.name.clone(), Ok(topic))).collect();
    }
    let mut names: Vec<&str> = request.topics.iter().map(|topic| topic.name.as_str()).collect();
    names.retain(|name| *name >= from);
    names.sort_unstable();
    names.dedup();
    let mut lookup = TopicLookup::fresh(&context.agent);
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let topic = match check_name(name) {
            Ok(()) => lookup.by_name(name).await,
            Err(invalid) => Err(invalid.into()),
        };
        found.push((name.to_owned(), topic));
    }
    found
}

fn undescribed(name: String, error_code: ErrorCode, operations: i32) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code,
        name: Some(name),
        topic_authorized_operations: operations,
        ..Default::default()
    }
}

fn described(
    topology: &Topology<'_>,
    topic: &CachedTopic,
    partitions: std::ops::Range<i32>,
) -> DescribeTopicPartitionsResponseTopic {
    let partition = |partition: TopicPartition| {
        let replicas = topology.replicas(partition);
        DescribeTopicPartitionsResponsePartition {
            partition_index: partition.partition.0,
            leader_id: topology.leader(partition),
            leader_epoch: LEADER_EPOCH,
            replica_nodes: replicas.clone(),
            isr_nodes: replicas,
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
            ..Default::default()
        }
    };
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.topic.name.clone()),
        topic_id: topic.topic.id.0,
        partitions: partitions.filter_map(|index| topic.partition(index)).map(partition).collect(),
        topic_authorized_operations: TOPIC_OPERATIONS,
        ..Default::default()
    }
}
