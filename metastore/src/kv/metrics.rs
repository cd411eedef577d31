//! Counters of an engine: what was asked of it, and what it cost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process began, only ever growing; and the size of the file.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Transactions started by `Db::run` and `Db::read`, each counted once however many attempts it took.
    pub transactions: AtomicU64,
    /// Attempts that were committed and had writes.
    pub commits: AtomicU64,
    /// Attempts that lost to another transaction.
    pub conflicts: AtomicU64,
    /// Attempts after the first, for whatever reason.
    pub retries: AtomicU64,
    /// Attempts whose result was unknown.
    pub unknown_results: AtomicU64,
    /// Transactions that gave up.
    pub gave_up: AtomicU64,
    /// Bytes of keys and values in committed attempts.
    pub bytes_written: AtomicU64,
    /// Writes in committed attempts (a cleared range counts as one).
    pub rows_written: AtomicU64,
    /// Bytes of keys and values that attempts read, committed or not.
    pub bytes_read: AtomicU64,
    /// Bytes of the largest committed attempt: should stay under `limits::TRANSACTION_BYTES_TARGET`.
    pub bytes_written_max: AtomicU64,
    /// Microseconds that transactions took, all attempts and delays between them together.
    pub time_us: AtomicU64,
    /// Durable batches, where the engine makes them in this process: each is one fsync.
    pub batches: AtomicU64,
    /// Bytes of the engine's file after the last durable batch, where it has one.
    pub file_bytes: AtomicU64,
}

impl Metrics {
    pub(super) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// A gauge of the largest `value` so far.
    pub(super) fn largest(gauge: &AtomicU64, value: u64) {
        gauge.fetch_max(value, Ordering::Relaxed);
    }
}
