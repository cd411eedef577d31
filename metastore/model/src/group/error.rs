//! The errors of operations on a group.

use thiserror::Error;

use super::MemberId;

/// Why a group rejects a request. Each variant names the Kafka error that clients get.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// `INVALID_GROUP_ID`.
    #[error("group id is empty or too long")]
    InvalidGroupId,
    /// `INVALID_SESSION_TIMEOUT`.
    #[error("session timeout is outside the allowed range")]
    InvalidSessionTimeout,
    /// `INCONSISTENT_GROUP_PROTOCOL`.
    #[error("no protocol in common with the group")]
    InconsistentProtocol,
    /// `MEMBER_ID_REQUIRED`: join again under this id (KIP-394).
    #[error("join again as member {0}")]
    MemberIdRequired(MemberId),
    /// `UNKNOWN_MEMBER_ID`.
    #[error("not a member of the group")]
    UnknownMember,
    /// `FENCED_INSTANCE_ID`: another process has joined under the same instance id.
    #[error("another member holds this group instance id")]
    FencedInstance,
    /// `ILLEGAL_GENERATION`.
    #[error("not the current generation")]
    IllegalGeneration,
    /// `REBALANCE_IN_PROGRESS`.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// `GROUP_MAX_SIZE_REACHED`.
    #[error("the group has as many members, or as much of their metadata, as it may have")]
    GroupFull,
    /// `UNKNOWN_SERVER_ERROR`: Kafka's answer if a group does not fit its log.
    #[error("the assignment is larger than a group may be")]
    AssignmentTooLarge,
    /// `NON_EMPTY_GROUP`.
    #[error("the group has members")]
    NonEmpty,
    /// `GROUP_ID_NOT_FOUND`.
    #[error("no such group")]
    GroupNotFound,
    /// `NOT_COORDINATOR`: another agent coordinates the group now; look it up again.
    #[error("not the coordinator of the group any more")]
    NotCoordinator,
    /// `COORDINATOR_NOT_AVAILABLE`: try again.
    #[error("the coordinator cannot serve the group now")]
    NotAvailable,
}
