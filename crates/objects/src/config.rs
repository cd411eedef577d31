//! Limits and times of object storage access.

use std::time::Duration;

/// How an operation is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it is tried, the first time included.
    pub tries: u32,
    /// Time for one try, besides that for its bytes.
    pub try_timeout: Duration,
    /// Time for all tries and the waits between them, besides that for the bytes.
    pub deadline: Duration,
    /// The first wait; each one after it is twice as long.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// Transfer rate below which a try counts as stuck: earns a large object more time.
    pub bytes_per_second_min: u64,
}

impl Default for RetryPolicy {
    /// For produce: a client waits. Within its default `request.timeout.ms` of 30 s.
    fn default() -> Self {
        Self {
            tries: 3,
            try_timeout: Duration::from_secs(8),
            deadline: Duration::from_secs(20),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
            bytes_per_second_min: 4 << 20,
        }
    }
}

impl RetryPolicy {
    /// For background work, where nobody waits and giving up costs the work done.
    #[must_use]
    pub fn background() -> Self {
        Self {
            tries: 30,
            try_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(180),
            backoff_max: Duration::from_secs(10),
            ..Self::default()
        }
    }

    /// Time for `bytes` at the slowest rate that is not stuck.
    pub(crate) fn transfer_time(&self, bytes: u64) -> Duration {
        Duration::from_millis(bytes.saturating_mul(1000) / self.bytes_per_second_min.max(1))
    }

    /// The wait after failed try number `tried` (from 1), before jitter.
    pub(crate) fn backoff(&self, tried: u32) -> Duration {
        let doublings = tried.saturating_sub(1).min(16);
        self.backoff_min.saturating_mul(1 << doublings).min(self.backoff_max)
    }
}

/// Limits of one [`Objects`](crate::Objects).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsConfig {
    /// How operations are tried again.
    pub retry: RetryPolicy,
    /// PUTs at once.
    pub puts_in_flight_max: usize,
    /// GETs at once, hedges included.
    pub gets_in_flight_max: usize,
    /// Deletes and listings at once.
    pub others_in_flight_max: usize,
    /// A GET that has not answered after this long is asked a second time, and the first answer wins; `None`: never.
    pub hedge_after: Option<Duration>,
    /// Ranges of one object this close together are read as one: a GET's latency costs more than the bytes between.
    pub coalesce_gap_bytes: u64,
    /// Coalesced reads grow no larger than this.
    pub coalesce_bytes_max: u64,
    /// The largest object that is read whole, and the largest range.
    pub get_bytes_max: u64,
    /// Whether the store lists keys in order, so that a page can stop early (S3 does, a directory does not).
    pub lists_in_order: bool,
    /// Makes waits and the probe's name differ between processes; random, from who composes the process.
    pub seed: u64,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            puts_in_flight_max: 16,
            gets_in_flight_max: 64,
            others_in_flight_max: 8,
            hedge_after: Some(Duration::from_millis(500)),
            coalesce_gap_bytes: 1 << 20,
            coalesce_bytes_max: 16 << 20,
            get_bytes_max: 1 << 30,
            lists_in_order: false,
            seed: 0,
        }
    }
}
