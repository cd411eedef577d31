//! `alluvium dev`: gateway, compactor, embedded metastore and objects in one process.

use std::{sync::Arc, time::Duration};

use alluvium_gateway::{
    agent::{Agent, AgentConfig, AgentParts, Tasks},
    listen::Listener,
    peers::NoPeers,
};
use alluvium_metastore::{
    ambient::{SystemClock, SystemEntropy},
    nodes::{Endpoint, NewNode, Session, SessionConfig},
};
use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use crate::{
    background::Background,
    banner::banner,
    compactor::{CompactorMetrics, compactor, compactor_config},
    config::Settings,
    output::print,
    signals::StopSignals,
    stores::Stores,
};

/// Time for open HTTP requests and the compactor's current step once the agent has drained.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Runs until told to stop, then drains.
///
/// # Errors
/// Where a listener or a store cannot be opened.
pub async fn dev(settings: Settings) -> Result<()> {
    let mut signals = StopSignals::listen()?;
    let kafka = Listener::bind(settings.kafka_listen).await.context("Kafka listener (--kafka-listen)")?;
    let http = Listener::bind(settings.http_listen).await.context("HTTP listener (--http-listen)")?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let stores = signals.unless_stopped(Stores::open(&settings, entropy.clone())).await?;

    let new = node(&settings, kafka.address().port());
    let nodes = stores.metastore.nodes.clone();
    let session = Session::open(nodes, new, SessionConfig::alone(), clock.clone(), entropy.clone());
    let session = session.await.context("registering")?;
    let compactor = compactor(&stores, compactor_config(&settings), session.clone(), entropy.clone());
    let parts = AgentParts {
        metastore: stores.metastore.clone(),
        objects: stores.objects.clone(),
        session: session.clone(),
        peers: Arc::new(NoPeers),
        clock,
        entropy,
        tasks: Tasks::default(),
    };
    let agent = Agent::start(agent_config(&settings), parts).await.context("starting")?;

    let (accepting, background) = (CancellationToken::new(), CancellationToken::new());
    let (kafka_address, http_address) = (kafka.address(), http.address());
    let kafka = tokio::spawn(kafka.serve_kafka(agent.clone(), accepting.clone()));
    let http = tokio::spawn(http.serve_http(
        agent.clone(),
        vec![Box::new(CompactorMetrics(compactor.clone()))],
        background.clone(),
    ));
    let workers = Background::start().context("starting the compactor's threads")?;
    let compacting = workers.spawn({
        let background = background.clone();
        async move { compactor.run(background).await }
    });
    print(&banner(kafka_address, http_address, &settings.store))?;

    let signal = signals.next().await;
    tracing::info!(signal, "draining; once more to stop at once");
    tokio::select! {
        () = drain(&settings, &agent, &accepting, &background) => {}
        _ = signals.next() => anyhow::bail!("stopped without draining; nothing acknowledged is lost"),
    }
    for (name, task) in [("kafka", kafka), ("http", http), ("compactor", compacting)] {
        if tokio::time::timeout(STOP_PATIENCE, task).await.is_err() {
            tracing::warn!(name, "did not stop in time");
        }
    }
    session.leave().await;
    stores.close().await;
    Ok(())
}

async fn drain(settings: &Settings, agent: &Agent, accepting: &CancellationToken, background: &CancellationToken) {
    accepting.cancel();
    if !agent.drain(settings.drain_timeout).await {
        tracing::warn!("requests were still in flight at the end of --drain-timeout");
    }
    background.cancel();
}

/// What others are told of this process.
fn node(settings: &Settings, kafka_port: u16) -> NewNode {
    let (host, port) =
        settings.kafka_advertised.clone().unwrap_or_else(|| (settings.kafka_listen.ip().to_string(), kafka_port));
    NewNode {
        id: settings.node_id,
        zone: settings.rack.clone(),
        kafka: Some(Endpoint { host, port }),
        http: None,
        compacts: true,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
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
