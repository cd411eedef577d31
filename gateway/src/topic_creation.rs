//! Creating a topic, on request or because it was asked for (`auto.create.topics.enable`).
//!
//! Owns: fresh ids, and that a topic is served by this agent once it is created. Does not own: which names and sizes are
//! legal (the metastore's rules).

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_metastore::topics::{CreateTopicError, NewTopic};
use alluvium_model::TopicId;
use alluvium_runtime::uuid_v4;
use thiserror::Error;

use crate::agent::Agent;
use crate::metadata_cache::{CachedTopic, MetadataCacheError};

/// Why there is no new topic that is served here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreationError {
    /// It was not created.
    #[error(transparent)]
    Refused(#[from] CreateTopicError),
    /// It may be created, but is not served here yet.
    #[error(transparent)]
    MetadataCache(#[from] MetadataCacheError),
}

/// A topic with a fresh id.
#[must_use]
pub fn new_topic(
    agent: &Agent,
    name: &str,
    (partitions, replication_factor): (i32, i16),
    configs: BTreeMap<String, String>,
) -> NewTopic {
    let id = TopicId(uuid_v4(&*agent.rng));
    NewTopic { id, name: name.to_owned(), partitions, replication_factor, configs }
}

/// Creates a topic; when this returns, this agent serves it.
///
/// # Errors
/// Where it is refused, or the metastore does not answer.
pub async fn create(agent: &Agent, topic: NewTopic) -> Result<Arc<CachedTopic>, CreationError> {
    let topic = agent.metastore.topics.create(topic, agent.clock.now()).await?;
    agent.metadata_cache.sync().await?;
    Ok(agent.metadata_cache.topic_by_id(topic.id).unwrap_or_else(|| Arc::new(CachedTopic::new(topic))))
}

/// Creates a topic with the defaults of the configuration, unless someone else was faster.
///
/// # Errors
/// Where it is refused, or the metastore does not answer.
pub async fn create_automatically(agent: &Agent, name: &str) -> Result<Arc<CachedTopic>, CreationError> {
    let size = (agent.config.num_partitions, agent.config.default_replication_factor);
    match create(agent, new_topic(agent, name, size, BTreeMap::new())).await {
        Ok(topic) => Ok(topic),
        Err(refused) => {
            agent.metadata_cache.sync().await?;
            agent.metadata_cache.topic_by_name(name).ok_or(refused)
        }
    }
}
