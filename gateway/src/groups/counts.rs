//! What happens to groups, in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::coordinator::Groups;

/// Counted as it happens.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub rebalances: AtomicU64,
    pub expired_members: AtomicU64,
    pub lost_groups: AtomicU64,
}

/// The numbers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupTotals {
    /// Groups in memory by Kafka's name of their state.
    pub by_state: BTreeMap<&'static str, u64>,
    /// Rebalances that were completed.
    pub rebalances: u64,
    /// Members dropped because they were not heard of in time.
    pub expired_members: u64,
    /// Groups that another coordinator was found to have.
    pub lost_groups: u64,
}

impl Groups {
    /// Groups in memory, and what has happened to groups since the start.
    #[must_use]
    pub fn totals(&self) -> GroupTotals {
        let mut by_state = BTreeMap::new();
        for (_, summary) in self.0.registry.summaries() {
            *by_state.entry(summary.state).or_default() += 1;
        }
        let counts = &self.0.context.counts;
        GroupTotals {
            by_state,
            rebalances: counts.rebalances.load(Ordering::Relaxed),
            expired_members: counts.expired_members.load(Ordering::Relaxed),
            lost_groups: counts.lost_groups.load(Ordering::Relaxed),
        }
    }
}
