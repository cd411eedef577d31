//! The agent as a part of this binary: put together from the settings.

use std::sync::Arc;

use alluvium_gateway::{
    agent::{Agent, AgentParts},
    config::AgentConfig,
    peers::{HttpPeers, NoPeers, PeerBlocks},
};
use alluvium_metastore::nodes::Session;
use alluvium_runtime::{SystemClock, SystemRng, Tasks};
use anyhow::{Context, Result};

use crate::{config::Settings, stores::Stores};

/// Starts an agent over `stores` that is known to others by `session`: when this returns it has read its picture.
///
/// # Errors
/// Where the metastore does not answer.
pub async fn agent(settings: &Settings, stores: &Stores, session: &Session, rng: Arc<SystemRng>) -> Result<Arc<Agent>> {
    let peers: Arc<dyn PeerBlocks> = if session.is_alone() { Arc::new(NoPeers) } else { Arc::new(HttpPeers::new()) };
    let parts = AgentParts {
        metastore: stores.metastore.clone(),
        objects: stores.objects.clone(),
        session: session.clone(),
        peers,
        clock: Arc::new(SystemClock),
        rng,
        tasks: Tasks::default(),
    };
    Agent::start(agent_config(settings), parts).await.context("starting the agent")
}

fn agent_config(settings: &Settings) -> AgentConfig {
    let (group_session_timeout_min, group_session_timeout_max) = settings.group_session_timeouts;
    AgentConfig {
        linger: settings.linger,
        segment_bytes_max: settings.segment_bytes,
        uploads_in_flight_max: settings.uploads_in_flight,
        unflushed_bytes_max: settings.unflushed_bytes,
        retire_grace: settings.compaction.retire_grace,
        cache_bytes: settings.cache_bytes,
        connections_max: settings.connections_max,
        auto_create_topics: settings.auto_create_topics,
        num_partitions: settings.num_partitions,
        topic_delete_grace: settings.topic_delete_grace,
        group_session_timeout_min,
        group_session_timeout_max,
        group_initial_rebalance_delay: settings.group_initial_rebalance_delay,
        offsets_retention: settings.offsets_retention,
        ..AgentConfig::default()
    }
}
