//! Altering the configs of a topic, however the request spells it.

use alluvium_model::topic_config::{Alteration, changes};

use super::errors::Refused;
use crate::agent::Agent;
use crate::view::TopicView;

/// Makes `alterations` in order, or only checks that they could be made.
pub async fn alter_topic(
    agent: &Agent,
    topic: &TopicView,
    alterations: &[Alteration],
    validate_only: bool,
) -> Result<(), Refused> {
    let changes = changes(&topic.topic.configs, alterations)?;
    if !validate_only && !changes.is_empty() {
        agent.metastore.topics.alter_configs(topic.topic.id, changes, agent.clock.now()).await?;
        agent.view.sync().await?;
    }
    Ok(())
}
