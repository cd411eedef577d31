//! Errors of Fetch and ListOffsets.

use alluvium_wire::ErrorCode;

use super::HasErrorCode;
use crate::fetch::FetchError;
use crate::metadata_cache::MetadataCacheError;

impl HasErrorCode for FetchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition(_) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::OffsetOutOfRange { .. } => ErrorCode::OFFSET_OUT_OF_RANGE,
            Self::Corrupt { .. } => ErrorCode::CORRUPT_MESSAGE,
            // Every client retries after this, without resetting its position.
            Self::Storage(_) | Self::Metastore(_) => ErrorCode::KAFKA_STORAGE_ERROR,
        }
    }
}

impl HasErrorCode for MetadataCacheError {
    fn code(&self) -> ErrorCode {
        ErrorCode::KAFKA_STORAGE_ERROR
    }
}
