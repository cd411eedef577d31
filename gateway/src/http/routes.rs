//! The table of routes: which handler answers which path.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use super::error::HttpError;
use super::produce::BODY_BYTES_MAX;
use super::request_metrics::count_request;
use super::service::Service;
use super::{blocks, health, produce, records, rows, scrape, topics};

/// Requested by `crate::peers`.
const BLOCKS_ROUTE: &str = "/internal/v1/blocks/{*key}";

/// All routes of an agent.
pub fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(scrape::metrics))
        .route(BLOCKS_ROUTE, get(blocks::block))
        .route("/internal/v1/metastore/rows", get(rows::rows))
        .route("/topics", get(topics::list))
        .route("/topics/{topic}", get(topics::describe).post(produce::to_topic))
        .route("/topics/{topic}/partitions", get(topics::partitions))
        .route("/topics/{topic}/partitions/{partition}", get(topics::partition).post(produce::to_partition))
        .route("/topics/{topic}/partitions/{partition}/records", get(records::read))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&service), count_request))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

/// 404 for a path without a route.
pub async fn unknown_route(uri: Uri) -> HttpError {
    HttpError::new(404, format!("no route {}; see docs/http.md", uri.path()))
}

/// 405 for a method that a route does not have.
pub async fn wrong_method(uri: Uri) -> HttpError {
    HttpError::new(405, format!("{} does not take this method", uri.path()))
}
