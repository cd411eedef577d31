//! CreatePartitions (37): adds partitions to existing topics. Of replica assignments only the number counts.

use alluvium_model::topic::check_partitions;
use alluvium_wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::duplicate_check::{DuplicateCheck, are_distinct};
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::kafka::topic_lookup::TopicLookup;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::CreatePartitions, 0..=3, |call| answer(call, handle));

async fn handle(context: Context, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let agent = &*context.agent;
    let mut lookup = TopicLookup::fresh(agent);
    let mut duplicates: DuplicateCheck<&str> = request.topics.iter().map(|topic| topic.name.as_str()).collect();
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let Some(unique) = duplicates.next(&topic.name.as_str(), "Duplicate topic name.") else { continue };
        let result = match unique {
            Ok(()) => grow(agent, &mut lookup, topic, request.validate_only).await,
            Err(error) => Err(error),
        };
        let (error_code, error_message) = ApiError::of(&result);
        results.push(CreatePartitionsTopicResult { name: topic.name.clone(), error_code, error_message });
    }
    CreatePartitionsResponse { results, ..Default::default() }
}

async fn grow(
    agent: &Agent,
    lookup: &mut TopicLookup<'_>,
    requested: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), ApiError> {
    let topic = lookup.by_name(&requested.name).await?;
    let current = topic.topic.partitions;
    check_increase(&requested.name, current, requested.count)?;
    check_partitions(requested.count)?;
    if let Some(assignments) = &requested.assignments
        && i32::try_from(assignments.len()).ok() != Some(requested.count - current)
    {
        let message = format!("{} assignments for {} new partitions", assignments.len(), requested.count - current);
        return Err(ApiError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    }
    if requested.assignments.iter().flatten().any(|assignment| assignment.broker_ids.is_empty()) {
        let message = "The manual partition assignment includes an empty replica list.";
        return Err(ApiError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    }
    if requested.assignments.iter().flatten().any(|assignment| !are_distinct(&assignment.broker_ids)) {
        let message = "The manual partition assignment includes a broker more than once.";
        return Err(ApiError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
    }
    if !validate_only {
        agent.metastore.topics.add_partitions(topic.topic.id, requested.count, agent.clock.now()).await?;
        agent.metadata_cache.sync().await?;
    }
    Ok(())
}

fn check_increase(name: &str, current: i32, count: i32) -> Result<(), ApiError> {
    if count > current {
        return Ok(());
    }
    let message = if count == current {
        format!("Topic already has {current} partition(s).")
    } else {
        format!("The topic {name} currently has {current} partition(s); {count} would not be an increase.")
    };
    Err(ApiError::new(ErrorCode::INVALID_PARTITIONS, message))
}
