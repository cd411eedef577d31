//! What happens to groups, counted for metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Rebalances completed.
    pub rebalances: AtomicU64,
    /// Members whose session timed out.
    pub expired_members: AtomicU64,
    /// Groups that turned out to belong to another coordinator.
    pub lost_groups: AtomicU64,
}

/// The counters at one moment, and the groups in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupTotals {
    /// Groups in memory by Kafka's name of their state.
    pub by_state: BTreeMap<&'static str, u64>,
    /// Rebalances completed.
    pub rebalances: u64,
    /// Members removed because their session timed out.
    pub expired_members: u64,
    /// Groups in memory that turned out to belong to another coordinator.
    pub lost_groups: u64,
}

impl Counters {
    /// The counters now, with the given number of groups in memory by state.
    pub fn totals(&self, by_state: BTreeMap<&'static str, u64>) -> GroupTotals {
        GroupTotals {
            by_state,
            rebalances: self.rebalances.load(Ordering::Relaxed),
            expired_members: self.expired_members.load(Ordering::Relaxed),
            lost_groups: self.lost_groups.load(Ordering::Relaxed),
        }
    }
}
