//! Whether the process lives, and whether it serves.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::timeout;

use super::service::{Service, Shared};

/// How long the metastore may take to answer before the agent calls itself not ready; below the usual patience of probes.
const METASTORE_PATIENCE: Duration = Duration::from_secs(2);

/// How long the object store may take over a probe, once it has failed.
const OBJECTS_PATIENCE: Duration = Duration::from_secs(2);

/// The process lives: it answers, and the one task without which it is of no use has not died. (Whoever asks restarts it.)
pub async fn alive(State(service): Shared) -> (StatusCode, &'static str) {
    let Service { agent, stopping, .. } = service.as_ref();
    let is_stopping = stopping.is_cancelled() || agent.tasks.cancelled().is_cancelled();
    if is_stopping || agent.produce.is_running() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "the write path has died\n")
    }
}

/// The agent serves, or why it does not.
pub async fn ready(State(service): Shared) -> (StatusCode, String) {
    match obstacle(&service).await {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn obstacle(service: &Service) -> Option<String> {
    let Service { agent, stopping, .. } = service;
    if stopping.is_cancelled() || agent.tasks.cancelled().is_cancelled() {
        return Some("agent is draining".to_owned());
    }
    match timeout(METASTORE_PATIENCE, agent.metastore.feed.position()).await {
        Ok(Ok(_)) => object_store_obstacle(service).await,
        Ok(Err(error)) => Some(format!("metastore failed: {error}")),
        Err(_) => Some(format!("metastore has not answered for {} s", METASTORE_PATIENCE.as_secs())),
    }
}

/// Costs nothing while requests succeed. After one was given up, a probe tells whether the trouble is over: where nobody
/// sends records to an agent that is not ready, nothing else would.
async fn object_store_obstacle(service: &Service) -> Option<String> {
    let objects = &service.agent.objects;
    let trouble = objects.last_failure()?;
    let probe = async {
        let _turn = service.probes.acquire().await;
        // Whoever had the turn before may have found that it is over.
        match objects.last_failure() {
            Some(_) => objects.check().await.err(),
            None => None,
        }
    };
    match timeout(OBJECTS_PATIENCE, probe).await {
        Ok(None) => None,
        Ok(Some(error)) => Some(format!("object store failed: {error}")),
        Err(_) => Some(format!("object store failed: {trouble}")),
    }
}
