//! Errors of administration.

use alluvium_metastore::log::TrimError;
use alluvium_metastore::topics::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError};
use alluvium_metastore::{keyspace, kv};
use alluvium_model::topic::{InvalidName, InvalidSize};
use alluvium_model::topic_config::ConfigError;
use alluvium_wire::ErrorCode;

use super::Coded;
use crate::topic_creation::CreationError;

impl Coded for keyspace::Error {
    fn code(&self) -> ErrorCode {
        match self {
            // Clients try both again: a disk that is full or gone is mended sooner or later.
            error if error.is_retryable() => ErrorCode::REQUEST_TIMED_OUT,
            Self::Kv(kv::Error::Storage(_) | kv::Error::Closed) => ErrorCode::KAFKA_STORAGE_ERROR,
            // At this one they give up.
            Self::Kv(_) | Self::Row(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
        }
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
            // Of retention's lease, which no client trims under.
            Self::Fenced => ErrorCode::UNKNOWN_SERVER_ERROR,
            Self::Metastore(error) => error.code(),
        }
    }
}

impl Coded for CreationError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(error) => error.code(),
            Self::MetadataCache(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_try_again_while_the_metastore_is_in_trouble_and_not_what_it_can_never_do() {
        let code = |error: kv::Error| keyspace::Error::from(error).code();
        let last = Box::new(kv::Error::UnknownResult);
        let gave_up = kv::Error::GaveUp { transaction: "test", attempts: 1, last };
        assert_eq!(code(gave_up), ErrorCode::REQUEST_TIMED_OUT);
        assert_eq!(code(kv::Error::Storage("disk full".into())), ErrorCode::KAFKA_STORAGE_ERROR);
        assert_eq!(code(kv::Error::Closed), ErrorCode::KAFKA_STORAGE_ERROR);
        assert_eq!(code(kv::Error::ValueTooLarge { bytes: 1 }), ErrorCode::UNKNOWN_SERVER_ERROR);
    }
}
