//! Errors of administration.

use alluvium_metastore::keyspace;
use alluvium_metastore::log::TrimError;
use alluvium_metastore::topics::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError};
use alluvium_model::topic::{InvalidName, InvalidSize};
use alluvium_model::topic_config::ConfigError;
use alluvium_wire::ErrorCode;

use super::Coded;
use crate::topic_creation::CreationError;

impl Coded for keyspace::Error {
    fn code(&self) -> ErrorCode {
        // Clients retry the first, and give up at the second.
        if self.is_retryable() { ErrorCode::REQUEST_TIMED_OUT } else { ErrorCode::UNKNOWN_SERVER_ERROR }
    }
}

impl Coded for InvalidName {
    fn code(&self) -> ErrorCode {
        ErrorCode::INVALID_TOPIC_EXCEPTION
    }
}

impl Coded for InvalidSize {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Partitions { .. } => ErrorCode::INVALID_PARTITIONS,
            Self::Configs { .. } => ErrorCode::INVALID_CONFIG,
        }
    }
}

impl Coded for ConfigError {
    fn code(&self) -> ErrorCode {
        ErrorCode::INVALID_CONFIG
    }
}

impl Coded for CreateTopicError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Exists { .. } => ErrorCode::TOPIC_ALREADY_EXISTS,
            Self::Collides { .. } => ErrorCode::INVALID_TOPIC_EXCEPTION,
            Self::Name(error) => error.code(),
            Self::Size(error) => error.code(),
            Self::Metastore(error) => error.code(),
        }
    }
}

impl Coded for DeleteTopicError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::UNKNOWN_TOPIC_ID,
            Self::Metastore(error) => error.code(),
        }
    }
}

impl Coded for AddPartitionsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::NotMore { .. } => ErrorCode::INVALID_PARTITIONS,
            Self::Size(error) => error.code(),
            Self::Metastore(error) => error.code(),
        }
    }
}

impl Coded for AlterConfigsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::Size(error) => error.code(),
            Self::Metastore(error) => error.code(),
        }
    }
}

impl Coded for TrimError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::OutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
            Self::Metastore(error) => error.code(),
        }
    }
}

impl Coded for CreationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(error) => error.code(),
            Self::View(error) => error.code(),
        }
    }
}
