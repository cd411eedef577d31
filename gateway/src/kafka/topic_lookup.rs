//! Topics by name or id, as requests name them.

use std::sync::Arc;

use alluvium_model::TopicId;
use uuid::Uuid;

use crate::agent::Agent;
use crate::kafka::errors::Refused;
use crate::metadata_cache::CachedTopic;

/// Looks topics up in the agent's cached; before the first that is not there is called unknown, the cached is brought up
/// to date, once per request.
pub struct TopicLookup<'a> {
    agent: &'a Agent,
    is_fresh: bool,
    /// What is known already may be out of date, too.
    must_be_fresh: bool,
}

impl<'a> TopicLookup<'a> {
    pub fn new(agent: &'a Agent) -> Self {
        Self { agent, is_fresh: false, must_be_fresh: false }
    }

    /// The same, of which nothing is answered that was true before the request: what an administrator has changed by any
    /// agent is seen by the next request to any other.
    pub fn fresh(agent: &'a Agent) -> Self {
        Self { must_be_fresh: true, ..Self::new(agent) }
    }

    pub async fn by_name(&mut self, name: &str) -> Result<Arc<CachedTopic>, Refused> {
        if !self.must_be_fresh
            && let Some(topic) = self.agent.metadata_cache.topic_by_name(name)
        {
            return Ok(topic);
        }
        self.refresh().await?;
        self.agent.metadata_cache.topic_by_name(name).ok_or_else(Refused::unknown_topic_or_partition)
    }

    /// The same, which should have a partition numbered `index`: topics grow.
    pub async fn by_name_with(&mut self, name: &str, index: Option<i32>) -> Result<Arc<CachedTopic>, Refused> {
        let topic = self.by_name(name).await?;
        if !lacks(&topic, index) {
            return Ok(topic);
        }
        self.refresh().await?;
        self.by_name(name).await
    }

    /// The same by id.
    pub async fn by_id_with(&mut self, id: Uuid, index: Option<i32>) -> Result<Arc<CachedTopic>, Refused> {
        let topic = self.by_id(id).await?;
        if !lacks(&topic, index) {
            return Ok(topic);
        }
        self.refresh().await?;
        self.by_id(id).await
    }

    pub async fn by_id(&mut self, id: Uuid) -> Result<Arc<CachedTopic>, Refused> {
        if !self.must_be_fresh
            && let Some(topic) = self.agent.metadata_cache.topic_by_id(TopicId(id))
        {
            return Ok(topic);
        }
        self.refresh().await?;
        self.agent.metadata_cache.topic_by_id(TopicId(id)).ok_or_else(Refused::unknown_topic_id)
    }

    async fn refresh(&mut self) -> Result<(), Refused> {
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
