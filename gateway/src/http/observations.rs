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
use crate::metrics::{MetricSource, Sample, scrape_alone};

/// How long a process may take to find out whether it is ready; below the usual patience of probes.
const READINESS_PATIENCE: Duration = Duration::from_secs(4);

/// What is observed of a process.
pub struct Observed {
    /// Its numbers.
    pub sources: Vec<Box<dyn MetricSource>>,
    /// Why it is not ready; `None` where it is.
    pub obstacle: Box<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>,
}

struct Process {
    observed: Observed,
    stopping: CancellationToken,
}

pub fn routes(observed: Observed, stopping: CancellationToken) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::new(Process { observed, stopping }))
}

/// It answers, so it lives.
async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(process): State<Arc<Process>>) -> (StatusCode, String) {
    let obstacle = if process.stopping.is_cancelled() {
        Some("the process is stopping".to_owned())
    } else {
        let asked = timeout(READINESS_PATIENCE, (process.observed.obstacle)()).await;
        asked.unwrap_or_else(|_| Some(format!("not known after {} s", READINESS_PATIENCE.as_secs())))
    };
    match obstacle {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(process): State<Arc<Process>>) -> impl IntoResponse {
    let samples: Vec<Sample> = process.observed.sources.iter().flat_map(|source| source.samples()).collect();
    ([(CONTENT_TYPE, OPENMETRICS)], scrape_alone(samples))
}
