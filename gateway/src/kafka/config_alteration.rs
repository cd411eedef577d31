//! Altering the configs of a topic, however the request spells it.

use std::collections::HashSet;
use std::sync::Arc;

use alluvium_model::topic::check_name;
use alluvium_model::topic_config::{Alteration, changes};

use super::errors::Refused;
use super::topic_lookup::TopicLookup;
use crate::agent::Agent;
use crate::metadata_cache::CachedTopic;

/// The topic of a resource's name.
pub async fn altered_topic(lookup: &mut TopicLookup<'_>, name: &str) -> Result<Arc<CachedTopic>, Refused> {
    if name.is_empty() {
        return Err(Refused::invalid_request("Default topic resources are not allowed."));
    }
    check_name(name)?;
    lookup.by_name(name).await
}

/// No config may be named twice for one resource.
pub fn check_once<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), Refused> {
    let mut seen = HashSet::new();
    if names.all(|name| seen.insert(name)) {
        return Ok(());
    }
    Err(Refused::invalid_request("Error due to duplicate config keys"))
}

/// Makes `alterations` in order, or only checks that they could be made.
pub async fn alter_topic(
    agent: &Agent,
    topic: &CachedTopic,
    alterations: &[Alteration],
    validate_only: bool,
) -> Result<(), Refused> {
    let changes = changes(&topic.topic.configs, alterations)?;
    if !validate_only && !changes.is_empty() {
        agent.metastore.topics.alter_configs(topic.topic.id, changes, agent.clock.now()).await?;
        agent.metadata_cache.sync().await?;
    }
    Ok(())
}
