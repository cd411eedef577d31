//! Errors of Produce, with the codes that Kafka itself answers.

use alluvium_model::log::BatchRejection;
use alluvium_wire::ErrorCode;
use alluvium_wire::batch::BatchError;

use super::HasErrorCode;
use crate::produce::ProduceError;
use crate::produce::validation::InvalidBatch;

impl HasErrorCode for InvalidBatch {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Batch(error) => error.code(),
            Self::BaseOffset(_) | Self::Records(_) | Self::NoProducer => ErrorCode::INVALID_RECORD,
            Self::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            Self::Timestamp(_) => ErrorCode::INVALID_TIMESTAMP,
            Self::NoTransactionalId => ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        }
    }
}

impl HasErrorCode for BatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Length(_) | Self::Crc { .. } | Self::Decompress { .. } => ErrorCode::CORRUPT_MESSAGE,
            // Magic 0 and 1 existed once; no other did.
            Self::Magic(magic) if !(0..=1).contains(magic) => ErrorCode::CORRUPT_MESSAGE,
            // Anything shorter than a batch is invalid, too.
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

impl HasErrorCode for ProduceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            // Every client retries after both codes, without new metadata. The latter says that the batch may be in the
            // log.
            Self::Upload(_) | Self::Gap | Self::Draining => ErrorCode::NOT_ENOUGH_REPLICAS,
            Self::Commit(_) => ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            // Every client asks for new metadata, which names other agents.
            Self::Degraded => ErrorCode::NOT_LEADER_OR_FOLLOWER,
        }
    }
}

impl HasErrorCode for BatchRejection {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPartition => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            // Every client sends it again, as it is; some give up after an out-of-order sequence.
            Self::FirstBatchMissing { .. } => ErrorCode::NOT_ENOUGH_REPLICAS,
            Self::OutOfOrderSequence { .. } => ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            Self::DuplicateSequence => ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
            Self::FencedEpoch { .. } => ErrorCode::INVALID_PRODUCER_EPOCH,
            Self::UnknownTransactionalProducer => ErrorCode::INVALID_PRODUCER_ID_MAPPING,
            Self::NotInTransaction | Self::TransactionTooLarge { .. } => ErrorCode::INVALID_TXN_STATE,
            Self::SegmentTooOld { .. } => ErrorCode::NOT_ENOUGH_REPLICAS,
        }
    }
}
