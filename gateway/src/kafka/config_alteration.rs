//! Alters the configs of a topic, for AlterConfigs and IncrementalAlterConfigs.

use std::collections::HashSet;
use std::sync::Arc;

use alluvium_model::topic::check_name;
use alluvium_model::topic_config::{Alteration, changes};

use super::errors::ApiError;
use super::topic_lookup::TopicLookup;
use crate::agent::Agent;
use crate::metadata_cache::CachedTopic;

/// The topic that a config resource names.
pub async fn altered_topic(lookup: &mut TopicLookup<'_>, name: &str) -> Result<Arc<CachedTopic>, ApiError> {
    if name.is_empty() {
        return Err(ApiError::invalid_request("Default topic resources are not allowed."));
    }
    check_name(name)?;
    lookup.by_name(name).await
}

/// Checks that no config is named twice for one resource.
pub fn check_distinct<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    if names.all(|name| seen.insert(name)) {
        return Ok(());
    }
    Err(ApiError::invalid_request("Error due to duplicate config keys"))
}

/// Applies `alterations` in order, or only validates them.
pub async fn alter_topic(
    agent: &Agent,
    topic: &CachedTopic,
    alterations: &[Alteration],
    validate_only: bool,
) -> Result<(), ApiError> {
    let changes = changes(&topic.topic.configs, alterations)?;
    if !validate_only && !changes.is_empty() {
        agent.metastore.topics.alter_configs(topic.topic.id, changes, agent.clock.now()).await?;
        agent.metadata_cache.sync().await?;
    }
    Ok(())
}
