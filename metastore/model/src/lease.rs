//! Leases: fenced, exclusive rights to do what only one node may do at a time.

use crate::{TopicPartition, group::GroupId, node::LeaseOwner};

/// What a lease protects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseKey {
    /// The coordination of a group.
    Group(GroupId),
    /// The compaction of a partition.
    Partition(TopicPartition),
    /// One of the maintenance roles.
    Role(MaintenanceRole),
}

/// A kind of maintenance that covers the whole cluster, done by one node at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaintenanceRole {
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

/// A lease that was acquired. It is passed to every transaction that it protects, which checks it and fails if it is
/// not held any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it protects.
    pub key: LeaseKey,
    /// The registration that acquired it.
    pub owner: LeaseOwner,
    /// Random, and new with each acquisition: a lease that was lost and acquired again is another one.
    pub token: u64,
}
