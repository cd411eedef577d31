//! What a group's task is asked.

use alluvium_metastore::groups::Fence;
use alluvium_metastore::leases::Claim;
use alluvium_model::group::{
    Committer, Description, Generation, InstanceId, Join, JoinRefused, Joined, Leaver, MemberId, Refusal,
    Subscriptions, Sync, Synced, Ticket,
};
use tokio::sync::oneshot;

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<T>;
/// The answer to a join.
pub(super) type JoinAnswer = Result<Joined, JoinRefused>;
/// The answer to a sync.
pub(super) type SyncAnswer = Result<Synced, Refusal>;

/// What a group's task is asked. Whatever is dropped unanswered is asked again.
pub(super) enum Request {
    Join(Join, Answer<JoinAnswer>),
    Sync(Ticket, Sync, Answer<SyncAnswer>),
    Heartbeat(Heartbeat, Answer<Result<(), Refusal>>),
    Leave(Vec<Leaver>, Answer<Result<Vec<Result<(), Refusal>>, Refusal>>),
    /// May this one commit, and under what?
    AdmitCommit(Committer, Answer<Result<Admission, Refusal>>),
    /// Which offsets may be deleted, and under what (`None`: none is stored)?
    AdmitOffsetDelete(Answer<Result<(Subscriptions, Option<Admission>), Refusal>>),
    Describe(Answer<Result<Option<Description>, Refusal>>),
    Delete(Answer<Result<(), Refusal>>),
    /// The store refused what was admitted under this: has the group moved on here (and not only there)?
    Doubt(Admission, Answer<bool>),
    /// Come into memory: did it?
    Wake(Answer<bool>),
}

impl Request {
    /// Answers it without having done it.
    pub fn refuse(self, why: Refusal) {
        match self {
            Self::Join(_, answer) => drop(answer.send(Err(JoinRefused { member: None, why }))),
            Self::Sync(_, _, answer) => drop(answer.send(Err(why))),
            Self::Heartbeat(_, answer) => drop(answer.send(Err(why))),
            Self::Leave(_, answer) => drop(answer.send(Err(why))),
            Self::AdmitCommit(_, answer) => drop(answer.send(Err(why))),
            Self::AdmitOffsetDelete(answer) => drop(answer.send(Err(why))),
            Self::Describe(answer) => drop(answer.send(Err(why))),
            Self::Delete(answer) => drop(answer.send(Err(why))),
            Self::Doubt(_, answer) => drop(answer.send(false)),
            Self::Wake(answer) => drop(answer.send(false)),
        }
    }
}

/// What the store checks when it writes offsets of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// The group's lease.
    pub claim: Claim,
    /// The group's save.
    pub fence: Fence,
}

/// A sign of life.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    pub member: MemberId,
    pub instance: Option<InstanceId>,
    pub generation: Generation,
}
