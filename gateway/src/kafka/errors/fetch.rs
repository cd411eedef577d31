//! Errors of reading.

use alluvium_wire::ErrorCode;

use super::Coded;
use crate::fetch::FetchError;
use crate::metadata_cache::MetadataCacheError;

impl Coded for FetchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::OffsetOutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
            Self::Corrupt { .. } => ErrorCode::CORRUPT_MESSAGE,
            // Retried by every client, where it is, without resetting its position.
            Self::Storage(_) | Self::Metastore(_) => ErrorCode::KAFKA_STORAGE_ERROR,
        }
    }
}

impl Coded for MetadataCacheError {
    fn code(&self) -> ErrorCode {
        ErrorCode::KAFKA_STORAGE_ERROR
    }
}
