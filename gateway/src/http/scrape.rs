//! `GET /metrics`: all metrics, for Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use tokio::time::timeout;

use super::positions::{POSITION_METRICS, PositionReader, Positions};
use super::service::{Service, ServiceState};
use crate::agent::AGENT_METRICS;
use crate::metrics::{
    Definition, HttpMetrics, KEY_VALUE_STORE_METRICS, Metric, MetricSource, Metrics, PeerMetrics, Sample, definitions,
    read_all, scrape,
};

/// Timeout of reading positions of logs and groups; after it, the other metrics are returned without them.
const POSITIONS_TIMEOUT: Duration = Duration::from_secs(2);
/// The media type of a scrape.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metric of the scrape itself: whether positions could be read.
const SCRAPE_METRICS: &[Metric<Option<Positions>>] =
    &[Metric::gauge("scrape_incomplete", "boolean", "1 if positions of logs and groups are missing", |positions| {
        u64::from(positions.is_none())
    })];

/// Every metric of an agent's `/metrics`, but for those of the sources that its process hands in.
pub fn metric_definitions() -> Vec<Definition> {
    let instruments = [Metrics::DEFINITIONS, HttpMetrics::DEFINITIONS, PeerMetrics::DEFINITIONS];
    let mut all = instruments.concat();
    all.extend(definitions(AGENT_METRICS));
    all.extend(definitions(KEY_VALUE_STORE_METRICS));
    all.extend(definitions(SCRAPE_METRICS));
    all.extend(definitions(POSITION_METRICS));
    all
}

/// `GET /metrics` of an agent.
pub async fn metrics(State(service): ServiceState) -> impl IntoResponse {
    let _permit = service.scrapes.acquire().await;
    let positions = positions(&service).await;
    let mut samples = service.agent.samples();
    samples.extend(service.sources.iter().flat_map(|source| source.samples()));
    samples.extend(service.agent.metastore.db.samples());
    samples.extend(read_all(SCRAPE_METRICS, &positions));
    let positions: Option<Vec<Sample>> = positions.map(|positions| read_all(POSITION_METRICS, &positions));
    samples.extend(positions.into_iter().flatten());
    ([(CONTENT_TYPE, OPENMETRICS)], scrape(Some(&service.agent.metrics), samples))
}

async fn positions(service: &Service) -> Option<Positions> {
    let agent = &service.agent;
    let reader = PositionReader {
        metadata_cache: agent.metadata_cache.clone(),
        groups: agent.groups.clone(),
        offsets: agent.metastore.offsets.clone(),
    };
    match timeout(POSITIONS_TIMEOUT, reader.read()).await {
        Ok(Ok(positions)) => Some(positions),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a scrape is answered without positions of logs and groups");
            None
        }
        Err(_) => {
            let timeout_s = POSITIONS_TIMEOUT.as_secs();
            tracing::warn!(
                timeout_s,
                "a scrape is answered without positions of logs and groups: the metastore is slow"
            );
            None
        }
    }
}
