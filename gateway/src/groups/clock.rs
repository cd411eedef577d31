//! The clock of sessions and rebalances: monotonic, and virtual in tests.

use alluvium_model::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Milliseconds since the coordinator started, as the rules of groups count them. (Wall time is only for stored rows.)
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
