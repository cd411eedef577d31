//! Time of the simulated machines: one virtual time, and a wall clock per machine that may be skewed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use tokio::time::Instant;

/// The wall-clock time at which every run begins, ms since the Unix epoch.
pub const BEGINNING: i64 = 1_790_000_000_000;

/// The wall clock of one machine.
#[derive(Debug)]
pub struct SimClock {
    origin: Instant,
    skew_ms: AtomicI64,
}

impl SimClock {
    /// A clock without skew; `origin` is the beginning of the run.
    #[must_use]
    pub fn new(origin: Instant) -> Self {
        Self { origin, skew_ms: AtomicI64::new(0) }
    }

    /// Sets the skew, ms.
    pub fn skew(&self, ms: i64) {
        self.skew_ms.store(ms, Ordering::Release);
    }

    /// Sets the clock forward by `by`, in addition to the skew.
    pub fn jump(&self, by: Duration) {
        self.skew_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::AcqRel);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX - BEGINNING);
        Timestamp(BEGINNING + elapsed + self.skew_ms.load(Ordering::Acquire))
    }
}
