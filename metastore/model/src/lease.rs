//! Leases: fenced leases on what must be done by one node alone.

use crate::{TopicPartition, group::GroupId, node::LeaseOwner};

/// What can be claimed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseKey {
    /// To coordinate a group.
    Group(GroupId),
    /// To compact a partition.
    Partition(TopicPartition),
    /// To do one of the rounds over everything.
    Role(Role),
}

/// A round over everything, done by one node at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Deleting orphans: objects that the metastore does not know.
    Orphans,
    /// Deleting retired objects.
    Retired,
    /// Trimming logs by retention.
    Retention,
    /// Purging deleted topics.
    Topics,
    /// Trimming the feed.
    Feed,
    /// Expiring idle producers.
    Producers,
    /// Expiring committed offsets.
    Offsets,
}

/// A lease held: handed into every transaction that it protects, which reads it and fails where it is not held any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is claimed.
    pub key: LeaseKey,
    /// Who holds it.
    pub owner: LeaseOwner,
    /// Random, and new with each acquisition: a lease that was lost and won again is another one.
    pub token: u64,
}
