//! The wall clock, handed in: nothing else in the system reads the machine's time of day.
//!
//! Does not own: waiting (`tokio::time`, virtual under paused time) and monotonic intervals (`tokio::time::Instant`).

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_model::Timestamp;

/// A source of the time of day.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, in milliseconds since the Unix epoch. May go backwards, as wall clocks do.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_shows_a_recent_time() {
        assert!(SystemClock.now() > Timestamp(1_700_000_000_000));
    }
}
