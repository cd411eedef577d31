//! Blocks for other agents: immutable bytes of segments and history files, and no other objects of the store.
//!
//! | answer | meaning |
//! |---|---|
//! | 200 | the block |
//! | 400 | the request names no block |
//! | 404 | there is no such object |
//! | 409 | the object does not have this part |
//! | 413 | the segment is too large to be served |
//! | 429 | too many blocks are being served |
//! | 503 | the object store is slow, or fails |

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::error::HttpError;
use super::held_body::held_body;
use super::service::{Service, ServiceState};
use crate::fetch::{ServeError, ServedBlock};
use crate::peers::BlockName;

/// The bytes wanted of the object, from `from` up to `to`; all of them if both are absent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeQuery {
    from: Option<u64>,
    to: Option<u64>,
}

/// `GET /internal/v1/blocks/{key}`.
pub async fn block(
    State(service): ServiceState,
    key: Result<Path<String>, PathRejection>,
    query: Result<Query<RangeQuery>, QueryRejection>,
) -> Result<Response, HttpError> {
    let Path(key) = key.map_err(|rejection| HttpError::bad_request(rejection.body_text()))?;
    let Query(query) = query.map_err(|rejection| HttpError::bad_request(rejection.body_text()))?;
    let range = match (query.from, query.to) {
        (None, None) => None,
        (Some(from), Some(to)) => Some(from..to),
        (None, Some(_)) | (Some(_), None) => return Err(HttpError::bad_request("from and to go together")),
    };
    let name = BlockName::parse(&key, range).map_err(|error| HttpError::bad_request(error.to_string()))?;
    let Service { agent, .. } = Arc::as_ref(&service);
    Ok(answer(agent.fetch.serve_block(&name).await?))
}

/// Holds the block's memory until its last chunk is handed to the connection.
fn answer(block: ServedBlock) -> Response {
    let length = block.bytes.len();
    let headers = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, length.to_string())];
    (headers, held_body(block.bytes.clone(), block)).into_response()
}

impl From<ServeError> for HttpError {
    fn from(error: ServeError) -> Self {
        let code = match error {
            ServeError::Busy => 429,
            ServeError::Absent(_) => 404,
            ServeError::Mismatch(_) => 409,
            ServeError::TooLarge(_) => 413,
            ServeError::Late | ServeError::Storage(_) => 503,
        };
        Self::new(code, error.to_string())
    }
}
