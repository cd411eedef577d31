//! The agent as a part of this binary: put together from the settings.

use std::sync::Arc;

use alluvium_gateway::{
    agent::{Agent, AgentParts},
    peers::{HttpPeers, NoPeers, PeerBlocks},
};
use alluvium_metastore::nodes::Session;
use alluvium_runtime::{SystemClock, SystemRng, Tasks};
use anyhow::{Context, Result};
use tokio::runtime::Handle;

use crate::{config::Settings, stores::Stores};

/// Starts an agent over `stores`, registered by `session`, which serves consumers of old records on the threads
/// `catch_up`. When this returns, its metadata cache is filled.
///
/// # Errors
/// If the metastore does not answer.
pub async fn agent(
    settings: &Settings,
    stores: &Stores,
    session: &Session,
    rng: Arc<SystemRng>,
    catch_up: &Handle,
) -> Result<Arc<Agent>> {
    let peers: Arc<dyn PeerBlocks> = if session.is_alone() { Arc::new(NoPeers) } else { Arc::new(HttpPeers::new()) };
    let parts = AgentParts {
        metastore: stores.metastore.clone(),
        objects: stores.objects.clone(),
        session: session.clone(),
        peers,
        clock: Arc::new(SystemClock),
        rng,
        tasks: Tasks::default().with_low_priority(catch_up.clone()),
    };
    Agent::start(settings.agent.clone(), parts).await.context("starting the agent")
}
