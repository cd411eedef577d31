//! Group members: their assignments, how long they held them, and their committed offsets.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};

use super::{MemberName, Outcome, TxnId};

/// A member got its assignment (the answer of `SyncGroup`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// When it asked to join.
    pub began: Duration,
    /// The group.
    pub group: String,
    /// Its generation.
    pub generation: i32,
    /// The member.
    pub member: MemberName,
    /// Its `group.instance.id`, if it is static: a new member with the same one replaces it.
    pub instance: Option<String>,
    /// The partitions that it owns now.
    pub assignment: Vec<TopicPartition>,
}

/// Why a member holds its assignment no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// It revoked its partitions before it joined again.
    Revoked,
    /// An answer said that it is not a member any more.
    Lost,
    /// It left the group.
    Left,
}

/// A member holds its assignment no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The group.
    pub group: String,
    /// The generation that it was in.
    pub generation: i32,
    /// The member.
    pub member: MemberName,
    /// The reason.
    pub reason: LeaveReason,
}

/// A heartbeat was answered (or not). A rebalance in progress counts as `Done`: the member is one of this generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// When it was sent.
    pub began: Duration,
    /// The group.
    pub group: String,
    /// The generation that the member is in.
    pub generation: i32,
    /// The member.
    pub member: MemberName,
    /// The outcome.
    pub outcome: Outcome,
}

/// An offset was committed, or deleted (also by the deletion of its group).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffset {
    /// When it was sent.
    pub began: Duration,
    /// The group.
    pub group: String,
    /// The generation that the member is in; `None` outside group management, and for deletions.
    pub generation: Option<i32>,
    /// The member that commits; empty outside group management, and for deletions.
    pub member: MemberName,
    /// The partition.
    pub partition: TopicPartition,
    /// The offset; `None`: deleted.
    pub offset: Option<Offset>,
    /// The transaction that carries it: then it counts from that transaction's commit on.
    pub txn: Option<TxnId>,
    /// The offset from which that transaction has consumed: it made its records of those from there to `offset`.
    pub consumed_from: Option<Offset>,
    /// How it ended.
    pub outcome: Outcome,
}

/// A committed offset was asked for and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOffset {
    /// When it was sent.
    pub began: Duration,
    /// The group.
    pub group: String,
    /// The partition.
    pub partition: TopicPartition,
    /// The answer; `None`: no offset is committed.
    pub offset: Option<Offset>,
}
