//! Creates topics, on request or because a client used an unknown name (`auto.create.topics.enable`).
//!
//! Owns: fresh ids, and that this agent serves a topic once it is created. Does not own: which names and sizes are
//! legal (the metastore's rules).

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_metastore::topics::{CreateTopicError, NewTopic};
use alluvium_model::TopicId;
use alluvium_runtime::uuid_v4;
use thiserror::Error;

use crate::agent::Agent;
use crate::metadata_cache::{CachedTopic, MetadataCacheError};

/// Why a topic was not created, or is not served here yet.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreationError {
    /// The topic was not created.
    #[error(transparent)]
    Rejected(#[from] CreateTopicError),
    /// The topic may have been created, but the metadata cache could not be brought up to date.
    #[error(transparent)]
    MetadataCache(#[from] MetadataCacheError),
}

/// Describes a topic to be created, with a fresh id.
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
/// If it is rejected, or the metastore does not answer.
pub async fn create(agent: &Agent, topic: NewTopic) -> Result<Arc<CachedTopic>, CreationError> {
    let topic = agent.metastore.topics.create(topic, agent.clock.now()).await?;
    agent.metadata_cache.sync().await?;
    Ok(agent.metadata_cache.topic_by_id(topic.id).unwrap_or_else(|| Arc::new(CachedTopic::new(topic))))
}

/// Creates a topic with the defaults of the configuration, or returns the one that was created meanwhile.
///
/// # Errors
/// If it is rejected, or the metastore does not answer.
pub async fn create_automatically(agent: &Agent, name: &str) -> Result<Arc<CachedTopic>, CreationError> {
    let size = (agent.config.num_partitions, agent.config.default_replication_factor);
    match create(agent, new_topic(agent, name, size, BTreeMap::new())).await {
        Ok(topic) => Ok(topic),
        Err(error) => {
            agent.metadata_cache.sync().await?;
            agent.metadata_cache.topic_by_name(name).ok_or(error)
        }
    }
}
