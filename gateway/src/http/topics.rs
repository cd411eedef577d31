//! Lists and describes topics, and finds the one that a path names.

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
use super::service::ServiceState;
use crate::agent::Agent;
use crate::metadata_cache::CachedTopic;
use crate::topic_creation::create_automatically;

/// A topic in the REST Proxy's form.
#[derive(Debug, Serialize)]
pub struct TopicDescription {
    name: String,
    configs: BTreeMap<String, String>,
    partitions: Vec<Partition>,
}

/// A partition in the REST Proxy's form.
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

/// `GET /topics`: the names of all topics.
pub async fn list(State(service): ServiceState) -> Result<KafkaJson<Vec<String>>, HttpError> {
    service.agent.metadata_cache.sync().await?;
    Ok(KafkaJson(service.agent.metadata_cache.topics().iter().map(|topic| topic.topic.name.clone()).collect()))
}

/// `GET /topics/{topic}`: its configs, defaults included, and its partitions.
pub async fn describe(
    State(service): ServiceState,
    path: Result<Path<String>, PathRejection>,
) -> Result<KafkaJson<TopicDescription>, HttpError> {
    let topic = find(&service.agent, &topic_of(path)?).await?;
    let mut configs: BTreeMap<String, String> =
        DEFINITIONS.iter().map(|config| (config.name.to_owned(), config.default.to_owned())).collect();
    configs.extend(topic.topic.configs.clone());
    let partitions = all_partitions(&service.agent, &topic);
    Ok(KafkaJson(TopicDescription { name: topic.topic.name.clone(), configs, partitions }))
}

/// `GET /topics/{topic}/partitions`.
pub async fn partitions(
    State(service): ServiceState,
    path: Result<Path<String>, PathRejection>,
) -> Result<KafkaJson<Vec<Partition>>, HttpError> {
    let topic = find(&service.agent, &topic_of(path)?).await?;
    Ok(KafkaJson(all_partitions(&service.agent, &topic)))
}

/// `GET /topics/{topic}/partitions/{partition}`.
pub async fn partition(
    State(service): ServiceState,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<KafkaJson<Partition>, HttpError> {
    let (topic, index) = partition_path(path)?;
    let topic = find(&service.agent, &topic).await?;
    let partition = partition_in(&topic, &index)?;
    Ok(KafkaJson(described(&service.agent, partition.partition.0)))
}

/// The topic name in a path. One that is not UTF-8 names no topic.
pub fn topic_of(path: Result<Path<String>, PathRejection>) -> Result<String, HttpError> {
    path.map(|Path(topic)| topic).map_err(|_| HttpError::topic_not_found())
}

/// The topic name in a path, and the text of its partition segment.
pub fn partition_path(path: Result<Path<(String, String)>, PathRejection>) -> Result<(String, String), HttpError> {
    path.map(|Path(names)| names).map_err(|_| HttpError::topic_not_found())
}

/// The partition whose number is `index`.
pub fn partition_in(topic: &CachedTopic, index: &str) -> Result<TopicPartition, HttpError> {
    let index: i32 = index.parse().map_err(|_| HttpError::partition_not_found())?;
    topic.partition(index).ok_or_else(HttpError::partition_not_found)
}

/// Finds a topic; before it counts as unknown, the metadata cache is brought up to date.
pub async fn find(agent: &Agent, name: &str) -> Result<Arc<CachedTopic>, HttpError> {
    if let Some(topic) = agent.metadata_cache.topic_by_name(name) {
        return Ok(topic);
    }
    agent.metadata_cache.sync().await?;
    agent.metadata_cache.topic_by_name(name).ok_or_else(HttpError::topic_not_found)
}

/// The same for producing: an unknown topic is created if the configuration allows it.
pub async fn find_or_create(agent: &Agent, name: &str) -> Result<Arc<CachedTopic>, HttpError> {
    match find(agent, name).await {
        Err(error) if error == HttpError::topic_not_found() && agent.config.auto_create_topics => {
            check_name(name).map_err(|error| HttpError::unprocessable(format!("topic name is invalid: {error}")))?;
            Ok(create_automatically(agent, name).await?)
        }
        found => found,
    }
}

fn all_partitions(agent: &Agent, topic: &CachedTopic) -> Vec<Partition> {
    (0..topic.topic.partitions).map(|index| described(agent, index)).collect()
}

/// Every agent serves every partition, so the leader that a client sees is the agent that answers it.
fn described(agent: &Agent, partition: i32) -> Partition {
    let broker = agent.session.node().id.0;
    Partition { partition, leader: broker, replicas: [Replica { broker, leader: true, in_sync: true }] }
}
