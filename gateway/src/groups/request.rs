//! The requests that a group's task serves.

use alluvium_metastore::groups::Fence;
use alluvium_metastore::leases::Lease;
use alluvium_model::group::{
    Committer, Description, Generation, GroupError, InstanceId, Join, JoinError, Joined, Leaver, MemberId,
    Subscriptions, Sync, Synced, WaiterId,
};
use tokio::sync::oneshot;

/// The channel of an answer.
pub(super) type AnswerSender<T> = oneshot::Sender<T>;
/// The answer to a join.
pub(super) type JoinAnswer = Result<Joined, JoinError>;
/// The answer to a sync.
pub(super) type SyncAnswer = Result<Synced, GroupError>;
/// The answer to a leave: one result per member, in the request's order.
pub(super) type LeaveAnswer = Result<Vec<Result<(), GroupError>>, GroupError>;

/// A request to a group's task. If a request is dropped unanswered, the requester sends it again.
pub(super) enum Request {
    /// Become a member, or rejoin. Answered when the rebalance is complete.
    Join(Join, AnswerSender<JoinAnswer>),
    /// Fetch an assignment; the leader sends those of all members. Answered once the leader has sent them.
    Sync(WaiterId, Sync, AnswerSender<SyncAnswer>),
    /// A member is alive.
    Heartbeat(Heartbeat, AnswerSender<Result<(), GroupError>>),
    /// Members leave.
    Leave(Vec<Leaver>, AnswerSender<LeaveAnswer>),
    /// Whether this committer may commit, and under which lease and save.
    AdmitCommit(Committer, AnswerSender<Result<Admission, GroupError>>),
    /// Which topics' offsets must not be deleted, and under which lease and save others may be (`None`: none is
    /// stored).
    AdmitOffsetDelete(AnswerSender<Result<(Subscriptions, Option<Admission>), GroupError>>),
    /// Describe the group; `None` if it does not exist.
    Describe(AnswerSender<Result<Option<Description>, GroupError>>),
    /// Delete the group and its offsets.
    Delete(AnswerSender<Result<(), GroupError>>),
    /// The store fenced a write under this admission. `true` if the group in memory has moved on since; otherwise
    /// memory is stale, and the group leaves it.
    Revalidate(Admission, AnswerSender<bool>),
    /// Load the group into memory. Answered `true` once the group is loaded.
    Load(AnswerSender<bool>),
}

impl Request {
    /// Answers with the error `why`, without serving the request.
    pub fn fail(self, why: GroupError) {
        match self {
            Self::Join(_, answer) => drop(answer.send(Err(JoinError { member: None, why }))),
            Self::Sync(_, _, answer) => drop(answer.send(Err(why))),
            Self::Heartbeat(_, answer) => drop(answer.send(Err(why))),
            Self::Leave(_, answer) => drop(answer.send(Err(why))),
            Self::AdmitCommit(_, answer) => drop(answer.send(Err(why))),
            Self::AdmitOffsetDelete(answer) => drop(answer.send(Err(why))),
            Self::Describe(answer) => drop(answer.send(Err(why))),
            Self::Delete(answer) => drop(answer.send(Err(why))),
            Self::Revalidate(_, answer) | Self::Load(answer) => drop(answer.send(false)),
        }
    }
}

/// What the store checks when it writes offsets of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The lease of the group.
    pub lease: Lease,
    /// The save of the group that memory follows from.
    pub fence: Fence,
}

/// A member's heartbeat.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    /// Who sends it.
    pub member: MemberId,
    /// Its instance id, if it is a static member.
    pub instance: Option<InstanceId>,
    /// The latest generation that the member knows.
    pub generation: Generation,
}
