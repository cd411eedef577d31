//! What the task of a group needs besides the group itself.

use std::sync::Arc;

use alluvium_metastore::groups::Groups as Store;
use alluvium_model::group::Rules;
use alluvium_runtime::{Clock, Rng};

use super::clock::MonotonicClock;
use super::counters::Counters;
use super::ownership::Ownership;

/// The services and rules shared by the tasks of all groups. Clones share them.
#[derive(Clone)]
pub(super) struct GroupContext {
    /// Stored groups.
    pub store: Store,
    /// Which groups this agent coordinates.
    pub ownership: Ownership,
    /// Limits and timeouts of groups.
    pub rules: Arc<Rules>,
    /// The clock of sessions and rebalances.
    pub monotonic: MonotonicClock,
    /// Wall time, for stored rows.
    pub clock: Arc<dyn Clock>,
    /// Random numbers: member ids and fencing tokens.
    pub rng: Arc<dyn Rng>,
    /// Events counted for metrics.
    pub counters: Arc<Counters>,
}
