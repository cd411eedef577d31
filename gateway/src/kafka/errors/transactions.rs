//! Errors of transactions.

use alluvium_metastore::transactions::TransactionFailure;
use alluvium_model::transaction::TransactionError;
use alluvium_wire::{ApiKey, ErrorCode};

use super::HasErrorCode;
use crate::groups::TransactionCommitError;

impl HasErrorCode for TransactionFailure {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(TransactionError::UnknownProducer) => ErrorCode::INVALID_PRODUCER_ID_MAPPING,
            Self::Refused(TransactionError::Fenced { .. }) => ErrorCode::PRODUCER_FENCED,
            Self::Refused(TransactionError::TooLarge { .. } | TransactionError::InvalidState(_)) => {
                ErrorCode::INVALID_TXN_STATE
            }
            Self::GroupFenced => ErrorCode::NOT_COORDINATOR,
            // Every client retries after it, without looking for another coordinator first.
            Self::Metastore(_) => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        }
    }
}

impl HasErrorCode for TransactionCommitError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Group(error) => error.code(),
            // Kafka's group coordinator has no other code for a producer that is fenced.
            Self::Transaction(TransactionFailure::Refused(TransactionError::Fenced { .. })) => {
                ErrorCode::INVALID_PRODUCER_EPOCH
            }
            Self::Transaction(failure) => failure.code(),
        }
    }
}

/// The code that a client of this `version` of `api` knows for `code` (KIP-588, as Kafka's `KafkaApis` maps them).
#[must_use]
pub fn in_version(api: ApiKey, version: i16, code: ErrorCode) -> ErrorCode {
    let knows_fencing = match api {
        ApiKey::InitProducerId => version >= 4,
        ApiKey::AddPartitionsToTxn | ApiKey::AddOffsetsToTxn | ApiKey::EndTxn => version >= 2,
        _ => true,
    };
    match code {
        ErrorCode::PRODUCER_FENCED if !knows_fencing => ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS if api == ApiKey::TxnOffsetCommit && version < 2 => {
            ErrorCode::COORDINATOR_NOT_AVAILABLE
        }
        code => code,
    }
}
