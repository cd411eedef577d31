//! All numbers, for Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use tokio::time::timeout;

use super::service::{Service, Shared};
use crate::metrics::{MetricSource, PositionReader, Positions, Sample};

/// How long positions of logs and groups may take to read; the other numbers are answered without them after that.
const POSITIONS_PATIENCE: Duration = Duration::from_secs(2);
/// The media type of a scrape.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub async fn metrics(State(service): Shared) -> impl IntoResponse {
    let _turn = service.scrapes.acquire().await;
    let positions = positions(&service).await;
    let mut samples: Vec<Sample> = service.sources.iter().flat_map(|source| source.samples()).collect();
    samples.extend(service.agent.metastore.db.samples());
    let failed = u64::from(positions.is_none());
    samples.push(Sample::gauge("scrape_incomplete", "Whether positions of logs and groups are missing", failed));
    ([(CONTENT_TYPE, OPENMETRICS)], service.agent.metrics.scrape(samples, positions))
}

async fn positions(service: &Service) -> Option<Positions> {
    let agent = &service.agent;
    let reader = PositionReader {
        metadata_cache: agent.metadata_cache.clone(),
        groups: agent.groups.clone(),
        offsets: agent.metastore.offsets.clone(),
    };
    match timeout(POSITIONS_PATIENCE, reader.read()).await {
        Ok(Ok(positions)) => Some(positions),
        Ok(Err(error)) => {
            tracing::warn!(%error, "positions are missing in a scrape");
            None
        }
        Err(_) => {
            tracing::warn!("positions are missing in a scrape: the metastore is too slow");
            None
        }
    }
}
