//! Reading a body, under back-pressure and within limits.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use tokio::time::timeout;

use super::super::error::HttpError;
use crate::agent::Agent;
use crate::produce::Permit;

/// Bytes of one body: sixteen times the default `max.message.bytes`.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// Time for a body to arrive after its head; meanwhile it holds memory that other requests wait for.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A body is in memory three times: as it came, as records, and as batches.
const COPIES: usize = 3;

/// Reads the body of `request` once it has a permit.
pub async fn read(agent: &Agent, request: Request) -> Result<(Bytes, Permit), HttpError> {
    let length = expected_length(&request)?;
    let permit = agent.produce.admit_copies(length, COPIES).await?;
    let body = match timeout(BODY_TIMEOUT, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(too_large()),
        Ok(Err(rejection)) => return Err(HttpError::bad_request(rejection.body_text())),
        Err(_) => {
            return Err(HttpError::new(408, format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs())));
        }
    };
    agent.metrics.http.request_bytes.inc_by(body.len() as u64);
    Ok((body, permit))
}

/// The length that the head says, or else the largest.
fn expected_length(request: &Request) -> Result<usize, HttpError> {
    let Some(value) = request.headers().get(CONTENT_LENGTH) else { return Ok(BODY_BYTES_MAX) };
    let length: Option<u64> = value.to_str().ok().and_then(|text| text.parse().ok());
    let length = length.ok_or_else(|| HttpError::bad_request("the content length is not a number"))?;
    usize::try_from(length).ok().filter(|length| *length <= BODY_BYTES_MAX).ok_or_else(too_large)
}

fn too_large() -> HttpError {
    HttpError::new(413, format!("a body has at most {BODY_BYTES_MAX} bytes"))
}
