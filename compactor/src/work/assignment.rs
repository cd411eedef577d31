//! Which partitions this compactor looks after: what is assigned to it, by neighbourhoods or one by one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_metastore::leases::MaintenanceRole;
use alluvium_model::log::Head;
use alluvium_model::{Extent, Timestamp, TopicPartition};

use super::large_partitions::LargePartitions;
use crate::assigned_work::{AssignedBy, AssignedWork};
use crate::plan::Lag;

/// What is assigned to this compactor now. Locks nothing but itself.
pub(super) struct Assignment(Mutex<State>);

struct State {
    work: Option<AssignedWork>,
    large: LargePartitions,
}

impl Assignment {
    /// Nothing yet.
    pub(super) fn new(large: LargePartitions) -> Self {
        Self(Mutex::new(State { work: None, large }))
    }

    /// Sets who does what. Returns whether that is new.
    pub(super) fn set(&self, work: AssignedWork) -> bool {
        let mut state = self.state();
        if state.work.as_ref() == Some(&work) {
            return false;
        }
        state.work = Some(work);
        true
    }

    /// Whether this compactor rewrites `partition`.
    pub(super) fn has_partition(&self, partition: TopicPartition) -> bool {
        let state = self.state();
        state.has(partition, state.large.assigned_by(partition))
    }

    /// Whether it would rewrite `partition` if that was large, as it may be by all that was ever appended to it.
    pub(super) fn would_own_if_large(&self, partition: TopicPartition, head: &Head) -> bool {
        let state = self.state();
        state.large.may_be_large(head.appended) && state.has(partition, AssignedBy::Partition)
    }

    /// Whether it performs `role`.
    pub(super) fn has_role(&self, role: MaintenanceRole) -> bool {
        self.state().work.as_ref().is_some_and(|work| work.has_role(role))
    }

    /// `extent` was committed; this is known since `now`. Returns whether the partition is assigned by something else
    /// since then.
    pub(super) fn append(&self, partition: TopicPartition, extent: &Extent, now: Timestamp) -> bool {
        self.state().large.append(partition, extent, now)
    }

    /// `lag` is at level 0 of `partition`, as was read at `now`.
    pub(super) fn surveyed(&self, partition: TopicPartition, lag: &Lag, now: Timestamp) {
        self.state().large.surveyed(partition, lag, now);
    }

    /// Some data of `partition` was compacted.
    pub(super) fn compacted(&self, partition: TopicPartition) {
        self.state().large.compacted(partition);
    }

    /// Partitions whose rates are remembered.
    pub(super) fn active_partitions(&self) -> usize {
        self.state().large.len()
    }

    /// The partitions that are assigned by something else at `now` since the last time.
    pub(super) fn sweep(&self, now: Timestamp) -> Vec<TopicPartition> {
        self.state().large.sweep(now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has(&self, partition: TopicPartition, by: AssignedBy) -> bool {
        self.work.as_ref().is_some_and(|work| work.has_partition(partition, by))
    }
}
