//! Errors as clients get them: `{"error_code", "message"}`.
//!
//! The codes are the REST Proxy's if it has one. The first three digits of a code are the status of the answer.
//!
//! | code | meaning |
//! |---|---|
//! | 400, 404, 405, 408, 413, 415 | as in HTTP |
//! | 40401, 40402 | no such topic; no such partition |
//! | 40410 | offset out of range (our own code: the proxy cannot read by offset) |
//! | 422, 42206 | records that are rejected; a body that is not what its content type says |
//! | 50002, 50003 | failed permanently; failed, and may succeed if sent again |
//! | 50302 | the agent is stopping: send the request to another |

use alluvium_metastore::keyspace;
use alluvium_metastore::topics::CreateTopicError;
use alluvium_model::log::BatchRejection;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::fetch::FetchError;
use crate::metadata_cache::MetadataCacheError;
use crate::produce::{Closed, ProduceError};
use crate::topic_creation::CreationError;

/// An error as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HttpError {
    /// The REST Proxy's code, or an HTTP status.
    #[serde(rename = "error_code")]
    pub code: u32,
    /// What failed and why, for people.
    pub message: String,
}

impl HttpError {
    /// An error with a code of three digits (a status), or of five.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// 400: the request is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 40401, in the REST Proxy's words.
    pub fn topic_not_found() -> Self {
        Self::new(40401, "Topic not found.")
    }

    /// 40402, in the REST Proxy's words.
    pub fn partition_not_found() -> Self {
        Self::new(40402, "Partition not found.")
    }

    /// The body is not what its content type says.
    pub fn payload(message: impl Into<String>) -> Self {
        Self::new(42206, message)
    }

    /// The records are well-formed and rejected.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, message)
    }

    fn failed(message: impl Into<String>) -> Self {
        Self::new(50002, message)
    }

    fn retriable(message: impl Into<String>) -> Self {
        Self::new(50003, message)
    }

    fn status(&self) -> StatusCode {
        let digits = if self.code < 1_000 { self.code } else { self.code / 100 };
        let status = u16::try_from(digits).ok().and_then(|digits| StatusCode::from_u16(digits).ok());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::warn!(kind = self.code, message = self.message, "HTTP request failed");
        }
        (self.status(), Json(self)).into_response()
    }
}

impl From<Closed> for HttpError {
    fn from(closed: Closed) -> Self {
        Self::new(50302, closed.to_string())
    }
}

impl From<keyspace::Error> for HttpError {
    fn from(error: keyspace::Error) -> Self {
        if error.is_retryable() { Self::retriable(error.to_string()) } else { Self::failed(error.to_string()) }
    }
}

impl From<MetadataCacheError> for HttpError {
    fn from(error: MetadataCacheError) -> Self {
        Self::retriable(error.to_string())
    }
}

impl From<CreationError> for HttpError {
    fn from(error: CreationError) -> Self {
        let message = error.to_string();
        match error {
            CreationError::Rejected(CreateTopicError::Metastore(error)) => error.into(),
            CreationError::Rejected(
                CreateTopicError::Name(_) | CreateTopicError::Collides { .. } | CreateTopicError::Size(_),
            ) => Self::unprocessable(message),
            // Created by another request and deleted again, meanwhile.
            CreationError::Rejected(CreateTopicError::Exists { .. }) => Self::retriable(message),
            CreationError::MetadataCache(error) => error.into(),
        }
    }
}

impl From<ProduceError> for HttpError {
    fn from(error: ProduceError) -> Self {
        let message = error.to_string();
        match error {
            ProduceError::Rejected(BatchRejection::UnknownPartition) => Self::topic_not_found(),
            ProduceError::Rejected(BatchRejection::SegmentTooOld { .. } | BatchRejection::FirstBatchMissing { .. })
            | ProduceError::Upload(_)
            | ProduceError::Degraded
            | ProduceError::Gap => Self::retriable(message),
            ProduceError::Commit(_) => {
                Self::retriable(format!("{message}; the records may be in the log nevertheless"))
            }
            ProduceError::Rejected(
                BatchRejection::OutOfOrderSequence { .. }
                | BatchRejection::DuplicateSequence
                | BatchRejection::FencedEpoch { .. }
                | BatchRejection::UnknownTransactionalProducer
                | BatchRejection::NotInTransaction
                | BatchRejection::TransactionTooLarge { .. },
            ) => Self::failed(message),
            ProduceError::Draining => Self::new(50302, message),
        }
    }
}

impl From<FetchError> for HttpError {
    fn from(error: FetchError) -> Self {
        let message = error.to_string();
        match error {
            FetchError::UnknownPartition(_) => Self::partition_not_found(),
            FetchError::OffsetOutOfRange { offset, start, next } => Self::new(
                40410,
                format!(
                    "offset {offset} is out of range: the log starts at {start}, and its next record will be {next}"
                ),
            ),
            FetchError::Corrupt { .. } => Self::failed(message),
            FetchError::Storage(_) | FetchError::Metastore(_) => Self::retriable(message),
        }
    }
}
