//! What the task of a group needs besides the group itself, such as the clock of sessions and rebalances.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::groups::Groups as Store;
use alluvium_model::Timestamp;
use alluvium_model::group::Rules;
use alluvium_runtime::{Clock, Rng};
use tokio::time::Instant;

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

/// The clock of sessions and rebalances: milliseconds since the coordinator started, and virtual in tests. (Wall time
/// is only for stored rows.)
#[derive(Clone, Copy, Debug)]
pub(super) struct MonotonicClock {
    origin: Instant,
}

impl MonotonicClock {
    /// A clock that reads zero now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The time since the start, as the model's timestamp.
    pub fn now(&self) -> Timestamp {
        Timestamp(0).plus(self.origin.elapsed())
    }

    /// The instant at which this clock reads `time`.
    pub fn instant(&self, time: Timestamp) -> Instant {
        self.origin + Duration::from_millis(u64::try_from(time.0).unwrap_or(0))
    }
}
