//! Whether the process lives, and whether it serves.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::timeout;

use super::service::{Service, Shared};

/// How long the metastore may take to answer before the agent calls itself not ready; below the usual patience of probes.
const METASTORE_PATIENCE: Duration = Duration::from_secs(2);

/// The process lives: it answers.
pub async fn alive() -> &'static str {
    "ok\n"
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
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("metastore failed: {error}")),
        Err(_) => Some(format!("metastore has not answered for {} s", METASTORE_PATIENCE.as_secs())),
    }
}
