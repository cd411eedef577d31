//! What a client is told where it does not get what it asked for.

use std::fmt::Display;

use alluvium_wire::ErrorCode;

/// An error of ours that has a Kafka code. Its `Display` is what clients are told beside the code.
pub trait Coded {
    /// Kafka's code for it.
    fn code(&self) -> ErrorCode;
}

/// A refusal as it travels: the code, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Kafka's code.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
}

impl Refused {
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

    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_REQUEST, message)
    }

    /// The code and message of a result, as most responses have them.
    pub fn of<T>(result: &Result<T, Self>) -> (ErrorCode, Option<String>) {
        match result {
            Ok(_) => (ErrorCode::NONE, None),
            Err(refused) => (refused.code, Some(refused.message.clone())),
        }
    }
}

impl<E: Coded + Display> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}
