//! Group members: what they were given, how long they thought it theirs, and the offsets they left.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};

use super::{MemberName, Outcome, TxnId};

/// A member got its assignment (the answer of `SyncGroup`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// When it asked to join.
    pub began: Duration,
    /// Which group.
    pub group: String,
    /// Its generation.
    pub generation: i32,
    /// Who it is.
    pub member: MemberName,
    /// Its static name, where it has one: a new member of the same static name takes the old one's place.
    pub instance: Option<String>,
    /// What is its own now.
    pub assignment: Vec<TopicPartition>,
}

/// Why a member holds its assignment no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// It gave it back, to join anew.
    Revoked,
    /// It learnt that it is no member any more.
    Lost,
    /// It left the group.
    Left,
}

/// A member holds its assignment no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Which group.
    pub group: String,
    /// The generation that it was in.
    pub generation: i32,
    /// Who it is.
    pub member: MemberName,
    /// Why.
    pub reason: LeaveReason,
}

/// A heartbeat was answered (or not). A rebalance in progress counts as `Done`: the member is one of this generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// When it went out.
    pub began: Duration,
    /// Which group.
    pub group: String,
    /// The generation that the member is in.
    pub generation: i32,
    /// Who it is.
    pub member: MemberName,
    /// How it was answered.
    pub outcome: Outcome,
}

/// An offset was committed, or deleted (also by the deletion of its group).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffset {
    /// When it went out.
    pub began: Duration,
    /// Which group.
    pub group: String,
    /// The generation that the member is in; `None` outside group management, and for deletions.
    pub generation: Option<i32>,
    /// Who commits; empty outside group management, and for deletions.
    pub member: MemberName,
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset; `None`: deleted.
    pub offset: Option<Offset>,
    /// The transaction that carries it: then it counts from that transaction's commit on.
    pub txn: Option<TxnId>,
    /// How it ended.
    pub outcome: Outcome,
}

/// A committed offset was asked for and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOffset {
    /// When it went out.
    pub began: Duration,
    /// Which group.
    pub group: String,
    /// Which partition.
    pub partition: TopicPartition,
    /// The answer; `None`: no offset is committed.
    pub offset: Option<Offset>,
}
