//! Errors of groups and their offsets.

use alluvium_wire::ErrorCode;

use super::HasErrorCode;
use crate::groups::{GroupError, OffsetCommitError, OffsetDeleteError};

impl HasErrorCode for GroupError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidGroupId => ErrorCode::INVALID_GROUP_ID,
            Self::InvalidSessionTimeout => ErrorCode::INVALID_SESSION_TIMEOUT,
            Self::InconsistentProtocol => ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
            Self::MemberIdRequired(_) => ErrorCode::MEMBER_ID_REQUIRED,
            Self::UnknownMember => ErrorCode::UNKNOWN_MEMBER_ID,
            Self::FencedInstance => ErrorCode::FENCED_INSTANCE_ID,
            Self::IllegalGeneration => ErrorCode::ILLEGAL_GENERATION,
            Self::RebalanceInProgress => ErrorCode::REBALANCE_IN_PROGRESS,
            Self::GroupFull => ErrorCode::GROUP_MAX_SIZE_REACHED,
            Self::AssignmentTooLarge => ErrorCode::UNKNOWN_SERVER_ERROR,
            Self::NonEmpty => ErrorCode::NON_EMPTY_GROUP,
            Self::GroupNotFound => ErrorCode::GROUP_ID_NOT_FOUND,
            Self::NotCoordinator => ErrorCode::NOT_COORDINATOR,
            Self::NotAvailable => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        }
    }
}

impl HasErrorCode for OffsetCommitError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::MetadataTooLarge { .. } => ErrorCode::OFFSET_METADATA_TOO_LARGE,
        }
    }
}

impl HasErrorCode for OffsetDeleteError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Subscribed => ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
        }
    }
}
