//! Health and metrics of a process that serves no clients: a compactor.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use futures::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::routes::{unknown_route, wrong_method};
use super::scrape::OPENMETRICS;
use crate::metrics::{MetricSource, Sample, scrape};

/// How long a process may take to find out whether it is ready; below the usual timeout of probes.
const READINESS_TIMEOUT: Duration = Duration::from_secs(4);

/// The health and the metrics of a process without an agent.
pub struct ProcessStatus {
    /// Its metrics.
    pub sources: Vec<Box<dyn MetricSource>>,
    /// Finds out why it is not ready; `None` if it is.
    pub not_ready_reason: Box<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>,
}

struct StatusService {
    status: ProcessStatus,
    stopping: CancellationToken,
}

/// All routes of a process without an agent.
pub fn routes(status: ProcessStatus, stopping: CancellationToken) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(StatusService { status, stopping }))
}

/// 200: the process answers, so it is alive.
async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(process): State<Arc<StatusService>>) -> (StatusCode, String) {
    let not_ready_reason = if process.stopping.is_cancelled() {
        Some("the process is stopping".to_owned())
    } else {
        let checked = timeout(READINESS_TIMEOUT, (process.status.not_ready_reason)()).await;
        checked.unwrap_or_else(|_| Some(format!("not known after {} s", READINESS_TIMEOUT.as_secs())))
    };
    match not_ready_reason {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(process): State<Arc<StatusService>>) -> impl IntoResponse {
    let samples: Vec<Sample> = process.status.sources.iter().flat_map(|source| source.samples()).collect();
    ([(CONTENT_TYPE, OPENMETRICS)], scrape(None, samples))
}
