//! What a group's task is asked.

use alluvium_metastore::groups::Fence;
use alluvium_metastore::leases::Lease;
use alluvium_model::group::{
    Committer, Description, Generation, GroupError, InstanceId, Join, JoinError, Joined, Leaver, MemberId,
    Subscriptions, Sync, Synced, WaiterId,
};
use tokio::sync::oneshot;

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<T>;
/// The answer to a join.
pub(super) type JoinAnswer = Result<Joined, JoinError>;
/// The answer to a sync.
pub(super) type SyncAnswer = Result<Synced, GroupError>;

/// What a group's task is asked. Whatever is dropped unanswered is asked again.
pub(super) enum Request {
    Join(Join, Answer<JoinAnswer>),
    Sync(WaiterId, Sync, Answer<SyncAnswer>),
    Heartbeat(Heartbeat, Answer<Result<(), GroupError>>),
    Leave(Vec<Leaver>, Answer<Result<Vec<Result<(), GroupError>>, GroupError>>),
    /// May this one commit, and under what?
    AdmitCommit(Committer, Answer<Result<Admission, GroupError>>),
    /// Which offsets may be deleted, and under what (`None`: none is stored)?
    AdmitOffsetDelete(Answer<Result<(Subscriptions, Option<Admission>), GroupError>>),
    Describe(Answer<Result<Option<Description>, GroupError>>),
    Delete(Answer<Result<(), GroupError>>),
    /// The store refused what was admitted under this: has the group moved on here (and not only there)?
    Doubt(Admission, Answer<bool>),
    /// Come into memory: did it?
    Wake(Answer<bool>),
}

impl Request {
    /// Answers it without having done it.
    pub fn refuse(self, why: GroupError) {
        match self {
            Self::Join(_, answer) => drop(answer.send(Err(JoinError { member: None, why }))),
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
    pub lease: Lease,
    /// The group's save.
    pub fence: Fence,
}

/// A summary of life.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    pub member: MemberId,
    pub instance: Option<InstanceId>,
    pub generation: Generation,
}
