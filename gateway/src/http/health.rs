//! `GET /healthz`: whether the process lives; `GET /readyz`: whether it serves.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::timeout;

use super::service::{Service, ServiceState};

/// How long the metastore may take to answer before the agent is not ready; below the usual timeout of probes.
const METASTORE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the object store may take to answer a probe after it has failed.
const OBJECTS_TIMEOUT: Duration = Duration::from_secs(2);

/// 200 if the process lives: it answers, and neither the event loop of the write path nor the task that ends
/// transactions has died. The prober restarts it if not.
pub async fn alive(State(service): ServiceState) -> (StatusCode, &'static str) {
    let Service { agent, stopping, .. } = service.as_ref();
    let is_stopping = stopping.is_cancelled() || agent.tasks.cancelled().is_cancelled();
    if is_stopping {
        (StatusCode::OK, "ok\n")
    } else if !agent.produce.is_running() {
        (StatusCode::INTERNAL_SERVER_ERROR, "the write path has died\n")
    } else if !agent.transactions.is_running() {
        (StatusCode::INTERNAL_SERVER_ERROR, "the task that ends transactions has died\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

/// 200 if the agent serves, or 503 and why it does not.
pub async fn ready(State(service): ServiceState) -> (StatusCode, String) {
    match not_ready_reason(&service).await {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn not_ready_reason(service: &Service) -> Option<String> {
    let Service { agent, stopping, .. } = service;
    if stopping.is_cancelled() || agent.tasks.cancelled().is_cancelled() {
        return Some("agent is draining".to_owned());
    }
    match timeout(METASTORE_TIMEOUT, agent.metastore.feed.position()).await {
        Ok(Ok(_)) => object_store_not_ready_reason(service).await,
        Ok(Err(error)) => Some(format!("metastore failed: {error}")),
        Err(_) => Some(format!("metastore has not answered for {} s", METASTORE_TIMEOUT.as_secs())),
    }
}

/// Costs nothing while requests succeed. After one has failed with all its retries, a probe finds out whether the store
/// works again: if no client sends records to an agent that is not ready, nothing else would.
async fn object_store_not_ready_reason(service: &Service) -> Option<String> {
    if let Some(reason) = service.agent.bucket_watch.degraded_reason() {
        return Some(reason);
    }
    let objects = &service.agent.objects;
    let last_failure = objects.last_failure()?;
    let probe = async {
        let _permit = service.probes.acquire().await;
        // The previous probe may have found that the store works again.
        match objects.last_failure() {
            Some(_) => objects.check().await.err(),
            None => None,
        }
    };
    match timeout(OBJECTS_TIMEOUT, probe).await {
        Ok(None) => None,
        Ok(Some(error)) => Some(format!("object store failed: {error}")),
        Err(_) => Some(format!("object store failed: {last_failure}")),
    }
}
