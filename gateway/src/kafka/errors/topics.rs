//! Errors of topic administration, and of the metastore.

use alluvium_metastore::log::TrimError;
use alluvium_metastore::topics::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError};
use alluvium_metastore::{keyspace, kv};
use alluvium_model::topic::{InvalidName, InvalidSize};
use alluvium_model::topic_config::ConfigError;
use alluvium_wire::ErrorCode;

use super::HasErrorCode;
use crate::topic_creation::CreationError;

impl HasErrorCode for keyspace::Error {
    fn code(&self) -> ErrorCode {
        match self {
            // Clients retry after both: a disk that is full or missing is repaired sooner or later.
            error if error.is_retryable() => ErrorCode::REQUEST_TIMED_OUT,
            Self::Kv(kv::Error::Storage(_) | kv::Error::Closed) => ErrorCode::KAFKA_STORAGE_ERROR,
            // After this one they give up.
            Self::Kv(_) | Self::Row(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
        }
    }
}

impl HasErrorCode for InvalidName {
    fn code(&self) -> ErrorCode {
        ErrorCode::INVALID_TOPIC_EXCEPTION
    }
}

impl HasErrorCode for InvalidSize {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Partitions { .. } => ErrorCode::INVALID_PARTITIONS,
            Self::Configs { .. } => ErrorCode::INVALID_CONFIG,
        }
    }
}

impl HasErrorCode for ConfigError {
    fn code(&self) -> ErrorCode {
        ErrorCode::INVALID_CONFIG
    }
}

impl HasErrorCode for CreateTopicError {
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

impl HasErrorCode for DeleteTopicError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::UNKNOWN_TOPIC_ID,
            Self::Metastore(error) => error.code(),
        }
    }
}

impl HasErrorCode for AddPartitionsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::NotMore { .. } => ErrorCode::INVALID_PARTITIONS,
            Self::Size(error) => error.code(),
            Self::Metastore(error) => error.code(),
        }
    }
}

impl HasErrorCode for AlterConfigsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::Size(error) => error.code(),
            Self::Metastore(error) => error.code(),
        }
    }
}

impl HasErrorCode for TrimError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::OutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
            // Only retention trims under a lease; no client does.
            Self::Fenced => ErrorCode::UNKNOWN_SERVER_ERROR,
            Self::Metastore(error) => error.code(),
        }
    }
}

impl HasErrorCode for CreationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Rejected(error) => error.code(),
            Self::MetadataCache(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_retry_while_the_metastore_is_unavailable_and_give_up_on_what_it_can_never_do() {
        let code = |error: kv::Error| keyspace::Error::from(error).code();
        let last = Box::new(kv::Error::UnknownResult);
        let gave_up = kv::Error::GaveUp { transaction: "test", attempts: 1, last };
        assert_eq!(code(gave_up), ErrorCode::REQUEST_TIMED_OUT);
        assert_eq!(code(kv::Error::Storage("disk full".into())), ErrorCode::KAFKA_STORAGE_ERROR);
        assert_eq!(code(kv::Error::Closed), ErrorCode::KAFKA_STORAGE_ERROR);
        assert_eq!(code(kv::Error::ValueTooLarge { bytes: 1 }), ErrorCode::UNKNOWN_SERVER_ERROR);
    }
}
