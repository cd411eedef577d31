//! The error that a client gets for a request, or for one item of it.

use std::fmt::Display;

use alluvium_wire::ErrorCode;

/// An error of a layer below that has a Kafka error code. Its `Display` is the message that clients get with the code.
pub trait HasErrorCode {
    /// Kafka's code for it.
    fn code(&self) -> ErrorCode;
}

/// The error code and the message of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Kafka's error code.
    pub code: ErrorCode,
    /// The reason, for people.
    pub message: String,
}

impl ApiError {
    /// The error `code`, because of `message`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// No topic has this name, or it has no such partition.
    pub fn unknown_topic_or_partition() -> Self {
        Self::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.")
    }

    /// No topic has this id.
    pub fn unknown_topic_id() -> Self {
        Self::new(ErrorCode::UNKNOWN_TOPIC_ID, "This server does not host this topic ID.")
    }

    /// The request contradicts itself or the protocol.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_REQUEST, message)
    }

    /// The code and message of a result, as most responses carry them.
    pub fn of<T>(result: &Result<T, Self>) -> (ErrorCode, Option<String>) {
        match result {
            Ok(_) => (ErrorCode::NONE, None),
            Err(error) => (error.code, Some(error.message.clone())),
        }
    }
}

impl<E: HasErrorCode + Display> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}
