//! Topics: which there are, and finding the one that a path names.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_model::TopicPartition;
use alluvium_model::topic::check_name;
use alluvium_model::topic_config::DEFINITIONS;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;

use super::error::HttpError;
use super::format::KafkaJson;
use super::service::Shared;
use crate::agent::Agent;
use crate::metadata_cache::CachedTopic;
use crate::topic_creation::create_automatically;

/// A topic as the proxy describes it.
#[derive(Debug, Serialize)]
pub struct Described {
    name: String,
    configs: BTreeMap<String, String>,
    partitions: Vec<Partition>,
}

#[derive(Debug, Serialize)]
pub struct Partition {
    partition: i32,
    leader: i32,
    replicas: [Replica; 1],
}

#[derive(Debug, Serialize)]
struct Replica {
    broker: i32,
    leader: bool,
    in_sync: bool,
}

pub async fn list(State(service): Shared) -> Result<KafkaJson<Vec<String>>, HttpError> {
    service.agent.metadata_cache.sync().await?;
    Ok(KafkaJson(
        service.agent.metadata_cache.topics().iter().map(|metadata_cache| metadata_cache.topic.name.clone()).collect(),
    ))
}

pub async fn describe(
    State(service): Shared,
    path: Result<Path<String>, PathRejection>,
) -> Result<KafkaJson<Described>, HttpError> {
    let metadata_cache = find(&service.agent, &topic_of(path)?).await?;
    let mut configs: BTreeMap<String, String> =
        DEFINITIONS.iter().map(|config| (config.name.to_owned(), config.default.to_owned())).collect();
    configs.extend(metadata_cache.topic.configs.clone());
    let partitions = all_partitions(&service.agent, &metadata_cache);
    Ok(KafkaJson(Described { name: metadata_cache.topic.name.clone(), configs, partitions }))
}

pub async fn partitions(
    State(service): Shared,
    path: Result<Path<String>, PathRejection>,
) -> Result<KafkaJson<Vec<Partition>>, HttpError> {
    let metadata_cache = find(&service.agent, &topic_of(path)?).await?;
    Ok(KafkaJson(all_partitions(&service.agent, &metadata_cache)))
}

pub async fn partition(
    State(service): Shared,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<KafkaJson<Partition>, HttpError> {
    let (topic, index) = partition_path(path)?;
    let metadata_cache = find(&service.agent, &topic).await?;
    let partition = partition_in(&metadata_cache, &index)?;
    Ok(KafkaJson(described(&service.agent, partition.partition.0)))
}

/// The topic that a path names. A name that is not even UTF-8 is no topic's.
pub fn topic_of(path: Result<Path<String>, PathRejection>) -> Result<String, HttpError> {
    path.map(|Path(topic)| topic).map_err(|_| HttpError::topic_not_found())
}

/// The topic and the text where its partition should be.
pub fn partition_path(path: Result<Path<(String, String)>, PathRejection>) -> Result<(String, String), HttpError> {
    path.map(|Path(names)| names).map_err(|_| HttpError::topic_not_found())
}

/// The partition whose number is `index`.
pub fn partition_in(metadata_cache: &CachedTopic, index: &str) -> Result<TopicPartition, HttpError> {
    let index: i32 = index.parse().map_err(|_| HttpError::partition_not_found())?;
    metadata_cache.partition(index).ok_or_else(HttpError::partition_not_found)
}

/// Looks a topic up; before it is called unknown, the cached is brought up to date.
pub async fn find(agent: &Agent, name: &str) -> Result<Arc<CachedTopic>, HttpError> {
    if let Some(metadata_cache) = agent.metadata_cache.topic_by_name(name) {
        return Ok(metadata_cache);
    }
    agent.metadata_cache.sync().await?;
    agent.metadata_cache.topic_by_name(name).ok_or_else(HttpError::topic_not_found)
}

/// The same for producing: one that is not there is created, where the configuration allows it.
pub async fn find_or_create(agent: &Agent, name: &str) -> Result<Arc<CachedTopic>, HttpError> {
    match find(agent, name).await {
        Err(error) if error == HttpError::topic_not_found() && agent.config.auto_create_topics => {
            check_name(name).map_err(|error| HttpError::unprocessable(format!("topic name is invalid: {error}")))?;
            Ok(create_automatically(agent, name).await?)
        }
        found => found,
    }
}

fn all_partitions(agent: &Agent, metadata_cache: &CachedTopic) -> Vec<Partition> {
    (0..metadata_cache.topic.partitions).map(|index| described(agent, index)).collect()
}

/// Every agent serves every partition, so clients are told of the one that they ask.
fn described(agent: &Agent, partition: i32) -> Partition {
    let broker = agent.session.node().id.0;
    Partition { partition, leader: broker, replicas: [Replica { broker, leader: true, in_sync: true }] }
}
