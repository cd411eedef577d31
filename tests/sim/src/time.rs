//! Time as the simulated machines have it: one virtual time, and wall clocks that are off.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use tokio::time::Instant;

/// When every run begins, ms since the Unix epoch.
pub const BEGINNING: i64 = 1_790_000_000_000;

/// The wall clock of one machine.
#[derive(Debug)]
pub struct SimClock {
    origin: Instant,
    skew_ms: AtomicI64,
}

impl SimClock {
    /// One that is right; `origin` is the beginning of the run.
    #[must_use]
    pub fn new(origin: Instant) -> Self {
        Self { origin, skew_ms: AtomicI64::new(0) }
    }

    /// Sets how far it is off.
    pub fn skew(&self, ms: i64) {
        self.skew_ms.store(ms, Ordering::Release);
    }

    /// Sets it forward by `by`, beside what it is off.
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
