//! Time for sessions and rebalances: it never goes back, and is virtual in tests.

use alluvium_model::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Milliseconds since the coordinator started, as the rules of groups count them. (Wall time is only for what is stored.)
#[derive(Clone, Copy, Debug)]
pub(super) struct Monotonic {
    origin: Instant,
}

impl Monotonic {
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(0).plus(self.origin.elapsed())
    }

    pub fn instant(&self, time: Timestamp) -> Instant {
        self.origin + Duration::from_millis(u64::try_from(time.0).unwrap_or(0))
    }
}
