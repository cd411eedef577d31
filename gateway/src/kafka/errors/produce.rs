//! Errors of writing, as Kafka's golden answers have them.

use alluvium_model::log::BatchRejection;
use alluvium_wire::ErrorCode;
use alluvium_wire::batch::BatchError;

use super::Coded;
use crate::produce::ProduceError;
use crate::produce::validation::InvalidBatch;

impl Coded for InvalidBatch {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Batch(error) => error.code(),
            Self::BaseOffset(_) | Self::Records(_) => ErrorCode::INVALID_RECORD,
            Self::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            Self::Timestamp(_) => ErrorCode::INVALID_TIMESTAMP,
            Self::Transactional => ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        }
    }
}

impl Coded for BatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Length(_) | Self::Crc { .. } | Self::Decompress { .. } => ErrorCode::CORRUPT_MESSAGE,
            // Such formats were; others never were.
            Self::Magic(magic) if !(0..=1).contains(magic) => ErrorCode::CORRUPT_MESSAGE,
            // Less than a batch is no batch.
            Self::Empty
            | Self::Truncated { .. }
            | Self::Trailing { .. }
            | Self::Magic(_)
            | Self::Count { .. }
            | Self::Control
            | Self::Sequence { .. }
            | Self::Record { .. }
            | Self::TrailingRecords { .. } => ErrorCode::INVALID_RECORD,
            Self::UnknownCodec(_) | Self::ZstdTooOld { .. } => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            Self::DecompressedTooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
        }
    }
}

impl Coded for ProduceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            // Both codes are retried by every client without new metadata. The latter says that the batch may be in the log.
            Self::Upload(_) | Self::Gap | Self::Draining => ErrorCode::NOT_ENOUGH_REPLICAS,
            Self::Commit(_) => ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        }
    }
}

impl Coded for BatchRejection {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Self::OutOfOrderSequence { .. } => ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            Self::DuplicateSequence => ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
            Self::FencedEpoch { .. } => ErrorCode::INVALID_PRODUCER_EPOCH,
            Self::SegmentTooOld { .. } => ErrorCode::NOT_ENOUGH_REPLICAS,
        }
    }
}
