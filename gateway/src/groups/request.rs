//! The requests that a group's task serves.

use alluvium_metastore::groups::Fence;
use alluvium_metastore::leases::Lease;
use alluvium_model::group::{
    Committer, Description, Generation, GroupError, InstanceId, Join, JoinError, Joined, Leaver, MemberId,
    Subscriptions, Sync, Synced, WaiterId,
};
use tokio::sync::oneshot;

/// The channel of an answer.
pub(super) type Answer<T> = oneshot::Sender<T>;
/// The answer to a join.
pub(super) type JoinAnswer = Result<Joined, JoinError>;
/// The answer to a sync.
pub(super) type SyncAnswer = Result<Synced, GroupError>;
/// The answer to a leave: one result per member, in the request's order.
pub(super) type LeaveAnswer = Result<Vec<Result<(), GroupError>>, GroupError>;

/// A request to a group's task. A requester whose request is dropped unanswered asks again.
pub(super) enum Request {
    /// Become a member, or rejoin. Answered when the rebalance is complete.
    Join(Join, Answer<JoinAnswer>),
    /// Fetch an assignment, or bring all of them. Answered when the leader has brought them.
    Sync(WaiterId, Sync, Answer<SyncAnswer>),
    /// A member is alive.
    Heartbeat(Heartbeat, Answer<Result<(), GroupError>>),
    /// Members leave.
    Leave(Vec<Leaver>, Answer<LeaveAnswer>),
    /// Whether this committer may commit, and under which lease and save.
    AdmitCommit(Committer, Answer<Result<Admission, GroupError>>),
    /// Which topics' offsets must be kept, and under which lease and save others may be deleted (`None`: none is
    /// stored).
    AdmitOffsetDelete(Answer<Result<(Subscriptions, Option<Admission>), GroupError>>),
    /// Describe the group; `None` if it does not exist.
    Describe(Answer<Result<Option<Description>, GroupError>>),
    /// Delete the group and its offsets.
    Delete(Answer<Result<(), GroupError>>),
    /// The store fenced a write under this admission. `true` if the group in memory has moved on since; otherwise
    /// memory is stale, and the group leaves it.
    Revalidate(Admission, Answer<bool>),
    /// Come into memory. Answered `true` once the group is loaded.
    Load(Answer<bool>),
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

/// A member's sign of life.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    /// Who sends it.
    pub member: MemberId,
    /// Its instance id, if it is a static member.
    pub instance: Option<InstanceId>,
    /// The generation it believes in.
    pub generation: Generation,
}
