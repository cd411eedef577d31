//! Topics by name or id, as requests name them.

use std::sync::Arc;

use alluvium_model::TopicId;
use uuid::Uuid;

use crate::agent::Agent;
use crate::kafka::errors::Refused;
use crate::view::TopicView;

/// Looks topics up in the agent's picture; before the first that is not there is called unknown, the picture is brought up
/// to date, once per request.
pub struct TopicLookup<'a> {
    agent: &'a Agent,
    is_fresh: bool,
}

impl<'a> TopicLookup<'a> {
    pub fn new(agent: &'a Agent) -> Self {
        Self { agent, is_fresh: false }
    }

    pub async fn by_name(&mut self, name: &str) -> Result<Arc<TopicView>, Refused> {
        if let Some(topic) = self.agent.view.topic_by_name(name) {
            return Ok(topic);
        }
        self.refresh().await?;
        self.agent.view.topic_by_name(name).ok_or_else(Refused::unknown_topic_or_partition)
    }

    pub async fn by_id(&mut self, id: Uuid) -> Result<Arc<TopicView>, Refused> {
        if let Some(topic) = self.agent.view.topic_by_id(TopicId(id)) {
            return Ok(topic);
        }
        self.refresh().await?;
        self.agent.view.topic_by_id(TopicId(id)).ok_or_else(Refused::unknown_topic_id)
    }

    async fn refresh(&mut self) -> Result<(), Refused> {
        if !self.is_fresh {
            self.agent.view.sync().await?;
            self.is_fresh = true;
        }
        Ok(())
    }
}
