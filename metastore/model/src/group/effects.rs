//! What an event brings about outside the state machine.

use std::sync::Arc;

use bytes::Bytes;

use super::{Generation, GroupError, InstanceId, MemberId, Snapshot, WaiterId};

/// What is to be done after an event, in this order: persist, then reply.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// The group as it must be found after a restart, where the event changed that.
    pub save: Option<Snapshot>,
    /// Answers to parked requests, each exactly once.
    pub replies: Vec<GroupReply>,
    /// How many members are gone because they were not heard of in time.
    pub expired: usize,
}

/// The answer to a parked request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupReply {
    /// To a join.
    Join {
        /// Which.
        waiter: WaiterId,
        /// The answer.
        answer: Result<Joined, JoinError>,
    },
    /// To a sync.
    Sync {
        /// Which.
        waiter: WaiterId,
        /// The answer.
        answer: Result<Synced, GroupError>,
    },
}

impl GroupReply {
    /// Whose answer this is.
    #[must_use]
    pub fn waiter(&self) -> WaiterId {
        match self {
            Self::Join { waiter, .. } | Self::Sync { waiter, .. } => *waiter,
        }
    }
}

/// A join that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The id by which the group knows the one who asked.
    pub member: MemberId,
    /// The generation joined.
    pub generation: Generation,
    /// What kind of group this is.
    pub protocol_type: Arc<str>,
    /// The protocol chosen.
    pub protocol: Arc<str>,
    /// Who computes the assignment.
    pub leader: MemberId,
    /// Whether the leader must not compute one, for nothing changes (KIP-814).
    pub skip_assignment: bool,
    /// Everyone, for the leader only.
    pub members: Vec<JoinedMember>,
}

/// One member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member: MemberId,
    /// Its instance id, where it is static.
    pub instance: Option<InstanceId>,
    /// What it says about itself under the chosen protocol; opaque.
    pub metadata: Bytes,
}

/// A join that failed, and the member id that the answer names ("" as `None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinError {
    /// The id to answer with.
    pub member: Option<MemberId>,
    /// Why.
    pub why: GroupError,
}

/// A sync that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// What kind of group this is.
    pub protocol_type: Arc<str>,
    /// The protocol chosen.
    pub protocol: Arc<str>,
    /// What the leader gave to the one who asked; opaque.
    pub assignment: Bytes,
}

impl Effects {
    pub(super) fn refuse_join(&mut self, waiter: WaiterId, member: Option<MemberId>, why: GroupError) {
        self.replies.push(GroupReply::Join { waiter, answer: Err(JoinError { member, why }) });
    }

    pub(super) fn admit(&mut self, waiter: WaiterId, joined: Joined) {
        self.replies.push(GroupReply::Join { waiter, answer: Ok(joined) });
    }

    pub(super) fn answer_sync(&mut self, waiter: WaiterId, answer: Result<Synced, GroupError>) {
        self.replies.push(GroupReply::Sync { waiter, answer });
    }
}
