//! Errors of writing, as PROTOCOL's golden answers have them.

use alluvium_model::log::BatchRefusal;
use alluvium_wire::ErrorCode;

use super::Coded;
use crate::produce::ProduceError;
use crate::produce::admission::Refusal;

impl Coded for Refusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Corrupt(_) => ErrorCode::CORRUPT_MESSAGE,
            Self::Invalid(_) => ErrorCode::INVALID_RECORD,
            Self::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            Self::Timestamp => ErrorCode::INVALID_TIMESTAMP,
            Self::Compression(_) => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            Self::Transactional => ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        }
    }
}

impl Coded for ProduceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            // Retried by every client without fetching metadata first; the batch may be in the log already, which only an
            // idempotent producer can tell.
            Self::Upload(_) | Self::Commit(_) | Self::Draining => ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        }
    }
}

impl Coded for BatchRefusal {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::OutOfOrderSequence { .. } => ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            Self::DuplicateSequence { .. } => ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
            Self::FencedEpoch { .. } => ErrorCode::INVALID_PRODUCER_EPOCH,
            Self::SegmentTooOld { .. } => ErrorCode::NOT_ENOUGH_REPLICAS,
        }
    }
}
