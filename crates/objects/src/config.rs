//! Limits and times of object storage access.

use std::time::Duration;

/// How operations are retried. Which errors are retried is up to [`ErrorKind::is_retryable`](crate::ErrorKind).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries of one operation, the first one included.
    pub tries: u32,
    /// Timeout of one try, in addition to the transfer time of its bytes.
    pub try_timeout: Duration,
    /// Timeout of all tries and the waits between them, in addition to the transfer time of the bytes.
    pub deadline: Duration,
    /// Wait after the first failed try; each later wait is twice as long.
    pub backoff_min: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// Transfer rate below which a try counts as stuck; the transfer time of an object follows from it.
    pub bytes_per_second_min: u64,
}

impl Default for RetryPolicy {
    /// For produce, where a client waits: within the client's default `request.timeout.ms` of 30 s.
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
    /// For background work, with long timeouts: no client waits, and giving up discards the work done so far.
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

    /// Time to transfer `bytes` at `bytes_per_second_min`.
    pub(crate) fn transfer_time(&self, bytes: u64) -> Duration {
        Duration::from_millis(bytes.saturating_mul(1000) / self.bytes_per_second_min.max(1))
    }

    /// The wait after failed try number `tried` (counted from 1), before jitter.
    pub(crate) fn backoff(&self, tried: u32) -> Duration {
        let doublings = tried.saturating_sub(1).min(16);
        self.backoff_min.saturating_mul(1 << doublings).min(self.backoff_max)
    }
}

/// Limits of one [`Objects`](crate::Objects).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsConfig {
    /// How operations are retried.
    pub retry: RetryPolicy,
    /// PUTs in flight.
    pub puts_in_flight_max: usize,
    /// GETs in flight, hedges included.
    pub gets_in_flight_max: usize,
    /// Deletes and listings in flight.
    pub others_in_flight_max: usize,
    /// A GET without a response after this time is sent a second time, and the first response wins; `None`: never.
    pub hedge_after: Option<Duration>,
    /// Ranges of one object at most this many bytes apart are read as one: a GET's latency costs more than those bytes.
    pub coalesce_gap_bytes: u64,
    /// Largest size of a coalesced read, bytes.
    pub coalesce_bytes_max: u64,
    /// Largest object that is read whole, and largest range, bytes.
    pub get_bytes_max: u64,
    /// Whether the store lists keys in order, so that a page can stop early (S3 does, a directory does not).
    pub lists_in_order: bool,
    /// Random seed that makes waits and the probe's name differ between processes.
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
