//! CreateTopics (19): creates topics with a number of partitions, and configs.
//!
//! Any replication factor is accepted and stored: the object store replicates. Replica assignments only give the number
//! of partitions.
//!
//! - 4: -1 asks for the defaults. 5: the response describes the new topic. 7: its id.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_metastore::topics::{NewTopic, Topic};
use alluvium_model::topic::{check_configs, check_name, check_partitions, collision_key};
use alluvium_model::topic_config::{ConfigError, TopicConfigs};
use alluvium_wire::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicConfigs, CreatableTopicResult,
    CreateTopicsRequest, CreateTopicsResponse,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::config_entries::topic_entries;
use crate::kafka::duplicate_check::{DuplicateCheck, are_distinct};
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Context, Handler, answer};
use crate::topic_creation::{create, new_topic};

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::CreateTopics, 2..=7, |call| answer(call, handle));

/// How long the metastore may take to bring the cache up to date, before topics are created anyway.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(1);
/// Partitions that one request may create (Kafka's controller has the same limit).
const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

async fn handle(context: Context, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let agent = &*context.agent;
    // A topic deleted through any agent may be created again. The metastore decides in the end.
    agent.metadata_cache.catch_up_within(CATCH_UP_TIMEOUT).await;
    let mut duplicates: DuplicateCheck<&str> = request.topics.iter().map(|topic| topic.name.as_str()).collect();
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut partitions_left = PARTITIONS_PER_REQUEST_MAX;
    for topic in &request.topics {
        let Some(unique) = duplicates.next(&topic.name.as_str(), "Duplicate topic name.") else { continue };
        let result = match unique {
            Ok(()) => create_one(agent, topic, request.validate_only, &mut partitions_left).await,
            Err(error) => Err(error),
        };
        topics.push(match result {
            Ok(made) => created(made),
            Err(error) => CreatableTopicResult {
                name: topic.name.clone(),
                error_code: error.code,
                error_message: Some(error.message),
                ..Default::default()
            },
        });
    }
    CreateTopicsResponse { topics, ..Default::default() }
}

async fn create_one(
    agent: &Agent,
    requested: &CreatableTopic,
    validate_only: bool,
    partitions_left: &mut usize,
) -> Result<Topic, ApiError> {
    check_request_size(requested.num_partitions, *partitions_left)?;
    let topic = validated(agent, requested)?;
    check_request_size(topic.partitions, *partitions_left)?;
    *partitions_left -= usize::try_from(topic.partitions).unwrap_or_default();
    if validate_only {
        return Ok(topic.created(agent.clock.now()));
    }
    Ok(create(agent, topic).await?.topic.clone())
}

fn check_request_size(partitions: i32, left: usize) -> Result<(), ApiError> {
    if usize::try_from(partitions).is_ok_and(|partitions| partitions > left) {
        let message = "Excessively large number of partitions per request.";
        return Err(ApiError::new(ErrorCode::POLICY_VIOLATION, message));
    }
    Ok(())
}

fn validated(agent: &Agent, requested: &CreatableTopic) -> Result<NewTopic, ApiError> {
    check_name(&requested.name)?;
    if agent.metadata_cache.topic_by_name(&requested.name).is_some() {
        let message = format!("Topic '{}' already exists.", requested.name);
        return Err(ApiError::new(ErrorCode::TOPIC_ALREADY_EXISTS, message));
    }
    let key = collision_key(&requested.name);
    if let Some(other) = agent.metadata_cache.topics().iter().find(|other| collision_key(&other.topic.name) == key) {
        let message = format!("Topic '{}' collides with existing topic: {}", requested.name, other.topic.name);
        return Err(ApiError::new(ErrorCode::INVALID_TOPIC_EXCEPTION, message));
    }
    let size = if requested.assignments.is_empty() { counted(agent, requested)? } else { assigned(requested)? };
    check_partitions(size.0)?;
    let configs = configs(&requested.configs)?;
    check_configs(&configs)?;
    Ok(new_topic(agent, &requested.name, size, configs))
}

/// Partitions and replication factor from the counts, -1 being the default.
fn counted(agent: &Agent, requested: &CreatableTopic) -> Result<(i32, i16), ApiError> {
    let replication_factor = match requested.replication_factor {
        -1 => agent.config.default_replication_factor,
        factor @ 1.. => factor,
        _ => {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(ApiError::new(ErrorCode::INVALID_REPLICATION_FACTOR, message));
        }
    };
    let partitions = match requested.num_partitions {
        -1 => agent.config.num_partitions,
        count @ 1.. => count,
        _ => {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(ApiError::new(ErrorCode::INVALID_PARTITIONS, message));
        }
    };
    Ok((partitions, replication_factor))
}

/// Partitions and replication factor from an assignment of every partition to the same number of brokers.
fn assigned(requested: &CreatableTopic) -> Result<(i32, i16), ApiError> {
    if requested.num_partitions != -1 || requested.replication_factor != -1 {
        return Err(ApiError::invalid_request(
            "A manual partition assignment was specified, but numPartitions or replicationFactor was not set to -1.",
        ));
    }
    let invalid = |message: &str| ApiError::new(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message);
    let mut indexes: Vec<i32> = requested.assignments.iter().map(|assignment| assignment.partition_index).collect();
    indexes.sort_unstable();
    if !indexes.iter().copied().eq((0..).take(indexes.len())) {
        return Err(invalid("partitions should be a consecutive 0-based integer sequence"));
    }
    if requested.assignments.iter().any(|assignment| !are_distinct(&assignment.broker_ids)) {
        return Err(invalid("the replicas of a partition must be on distinct brokers"));
    }
    let replicas = |assignment: &CreatableReplicaAssignment| assignment.broker_ids.len();
    let first = requested.assignments.first().map_or(0, replicas);
    if first == 0 || requested.assignments.iter().any(|assignment| replicas(assignment) != first) {
        return Err(invalid("every partition must have the same number of replicas, and at least one"));
    }
    let partitions = i32::try_from(indexes.len()).map_err(|_| invalid("too many partitions"))?;
    let replication_factor = i16::try_from(first).map_err(|_| invalid("too many replicas"))?;
    Ok((partitions, replication_factor))
}

fn configs(requested: &[CreatableTopicConfig]) -> Result<BTreeMap<String, String>, ApiError> {
    let mut overrides = BTreeMap::new();
    for CreatableTopicConfig { name, value } in requested {
        let Some(value) = value else {
            let message = format!("Null value not supported for topic configs: {name}");
            return Err(ApiError::new(ErrorCode::INVALID_CONFIG, message));
        };
        overrides.insert(name.clone(), value.clone());
    }
    TopicConfigs::parse(&overrides).map_err(|error: ConfigError| ApiError::from(error))?;
    Ok(overrides)
}

fn created(topic: Topic) -> CreatableTopicResult {
    let entries = topic_entries(&topic).into_iter().map(|entry| CreatableTopicConfigs {
        name: entry.name.to_owned(),
        // As it was sent: Kafka has not parsed it yet.
        value: Some(topic.configs.get(entry.name).cloned().unwrap_or(entry.value)),
        read_only: false,
        config_source: entry.source.code(),
        is_sensitive: false,
    });
    CreatableTopicResult {
        topic_id: topic.id.0,
        error_message: None,
        num_partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: Some(entries.collect()),
        name: topic.name,
        ..Default::default()
    }
}
