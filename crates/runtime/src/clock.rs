//! The wall clock, handed in: nothing else in the system asks the machine for the time of day.
//!
//! Does not own: waiting (`tokio::time`, virtual under paused time) and monotonic intervals (`tokio::time::Instant`).

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_model::Timestamp;

/// The wall clock.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch. May go backwards, as wall clocks do.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_is_alive() {
        assert!(SystemClock.now() > Timestamp(1_700_000_000_000));
    }
}
