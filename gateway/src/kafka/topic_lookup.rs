//! Finds topics by name or id, as requests name them.

use std::sync::Arc;

use alluvium_model::TopicId;
use uuid::Uuid;

use crate::agent::Agent;
use crate::kafka::errors::ApiError;
use crate::metadata_cache::CachedTopic;

/// Looks topics up in the agent's metadata cache, for one request. Before the first missing topic is reported as
/// unknown, the cache is brought up to date, once per request.
pub struct TopicLookup<'a> {
    agent: &'a Agent,
    is_fresh: bool,
    /// Whether topics that are found may be out of date, too.
    must_be_fresh: bool,
}

impl<'a> TopicLookup<'a> {
    /// A lookup that answers from the cache if it can.
    pub fn new(agent: &'a Agent) -> Self {
        Self { agent, is_fresh: false, must_be_fresh: false }
    }

    /// A lookup that brings the cache up to date first: a change that an administrator made through any agent is seen
    /// by the next request to any other.
    pub fn fresh(agent: &'a Agent) -> Self {
        Self { must_be_fresh: true, ..Self::new(agent) }
    }

    /// The topic called `name`.
    pub async fn by_name(&mut self, name: &str) -> Result<Arc<CachedTopic>, ApiError> {
        if !self.must_be_fresh
            && let Some(topic) = self.agent.metadata_cache.topic_by_name(name)
        {
            return Ok(topic);
        }
        self.refresh().await?;
        self.agent.metadata_cache.topic_by_name(name).ok_or_else(ApiError::unknown_topic_or_partition)
    }

    /// The topic called `name`, looked up again if it has no partition `index` yet: topics grow.
    pub async fn by_name_with(&mut self, name: &str, index: Option<i32>) -> Result<Arc<CachedTopic>, ApiError> {
        let topic = self.by_name(name).await?;
        if !lacks(&topic, index) {
            return Ok(topic);
        }
        self.refresh().await?;
        self.by_name(name).await
    }

    /// The topic with this id, looked up again if it has no partition `index` yet.
    pub async fn by_id_with(&mut self, id: Uuid, index: Option<i32>) -> Result<Arc<CachedTopic>, ApiError> {
        let topic = self.by_id(id).await?;
        if !lacks(&topic, index) {
            return Ok(topic);
        }
        self.refresh().await?;
        self.by_id(id).await
    }

    /// The topic with this id.
    pub async fn by_id(&mut self, id: Uuid) -> Result<Arc<CachedTopic>, ApiError> {
        if !self.must_be_fresh
            && let Some(topic) = self.agent.metadata_cache.topic_by_id(TopicId(id))
        {
            return Ok(topic);
        }
        self.refresh().await?;
        self.agent.metadata_cache.topic_by_id(TopicId(id)).ok_or_else(ApiError::unknown_topic_id)
    }

    async fn refresh(&mut self) -> Result<(), ApiError> {
        if !self.is_fresh {
            self.agent.metadata_cache.sync().await?;
            self.is_fresh = true;
        }
        Ok(())
    }
}

fn lacks(topic: &CachedTopic, index: Option<i32>) -> bool {
    index.is_some_and(|index| topic.partition(index).is_none())
}
