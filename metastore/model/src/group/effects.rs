//! The effects of an event outside the state machine.

use std::sync::Arc;

use bytes::Bytes;

use super::{Generation, GroupError, InstanceId, MemberId, Snapshot, WaiterId};

/// What the caller must do after an event, in this order: persist, then reply.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// The snapshot to persist, if the event changed what must survive a restart.
    pub save: Option<Snapshot>,
    /// Answers to waiting requests: exactly one for each.
    pub replies: Vec<GroupReply>,
    /// Number of members removed because their session, or the time to sync, expired.
    pub expired: usize,
}

/// The answer to a waiting request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupReply {
    /// The answer to a join.
    Join {
        /// The request that it answers.
        waiter: WaiterId,
        /// The generation joined, or why it failed.
        answer: Result<Joined, JoinError>,
    },
    /// The answer to a sync.
    Sync {
        /// The request that it answers.
        waiter: WaiterId,
        /// The assignment, or why it failed.
        answer: Result<Synced, GroupError>,
    },
}

impl GroupReply {
    /// The request that this answers.
    #[must_use]
    pub fn waiter(&self) -> WaiterId {
        match self {
            Self::Join { waiter, .. } | Self::Sync { waiter, .. } => *waiter,
        }
    }
}

/// The answer to a join that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The member id of the client that joined.
    pub member: MemberId,
    /// The generation that it joined.
    pub generation: Generation,
    /// The kind of group (`consumer`, `connect` ...).
    pub protocol_type: Arc<str>,
    /// The chosen protocol.
    pub protocol: Arc<str>,
    /// The member that computes the assignment.
    pub leader: MemberId,
    /// Whether the leader must not compute one, because nothing changes (KIP-814).
    pub skip_assignment: bool,
    /// All members, if the client that joined is the leader; otherwise empty.
    pub members: Vec<JoinedMember>,
}

/// A member, as the leader gets it in order to compute the assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its member id.
    pub member: MemberId,
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// Its metadata for the chosen protocol; opaque.
    pub metadata: Bytes,
}

/// The answer to a join that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinError {
    /// The member id that the answer carries; `None` for the empty text.
    pub member: Option<MemberId>,
    /// The reason.
    pub why: GroupError,
}

/// The answer to a sync that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The kind of group (`consumer`, `connect` ...).
    pub protocol_type: Arc<str>,
    /// The chosen protocol.
    pub protocol: Arc<str>,
    /// The assignment of the member that asked; opaque.
    pub assignment: Bytes,
}

impl Effects {
    /// Answers a join with an error.
    pub(super) fn fail_join(&mut self, waiter: WaiterId, member: Option<MemberId>, why: GroupError) {
        self.replies.push(GroupReply::Join { waiter, answer: Err(JoinError { member, why }) });
    }

    /// Answers a join that succeeded.
    pub(super) fn answer_join(&mut self, waiter: WaiterId, joined: Joined) {
        self.replies.push(GroupReply::Join { waiter, answer: Ok(joined) });
    }

    /// Answers a sync.
    pub(super) fn answer_sync(&mut self, waiter: WaiterId, answer: Result<Synced, GroupError>) {
        self.replies.push(GroupReply::Sync { waiter, answer });
    }
}
