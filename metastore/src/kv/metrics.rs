//! Counters of an engine: the transactions run on it, and what they cost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process started, which only grow; and the size of the engine's file.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Transactions started by `Db::run` and `Db::read`, each counted once however many attempts it took.
    pub transactions: AtomicU64,
    /// Attempts that were committed and had writes.
    pub commits: AtomicU64,
    /// Attempts that failed with a conflict with another transaction.
    pub conflicts: AtomicU64,
    /// Attempts after the first, for whatever reason.
    pub retries: AtomicU64,
    /// Attempts whose result was unknown.
    pub unknown_results: AtomicU64,
    /// Transactions that gave up after their last attempt or at their deadline.
    pub gave_up: AtomicU64,
    /// Bytes of keys and values in committed attempts.
    pub bytes_written: AtomicU64,
    /// Writes in committed attempts (a cleared range counts as one).
    pub rows_written: AtomicU64,
    /// Bytes of keys and values that attempts read, committed or not.
    pub bytes_read: AtomicU64,
    /// Bytes of the largest committed attempt: should stay under `limits::TRANSACTION_BYTES_TARGET`.
    pub bytes_written_max: AtomicU64,
    /// Time that transactions took in all, their attempts and the delays between them, in microseconds.
    pub time_us: AtomicU64,
    /// Durable batches of an engine in this process: each is one fsync. 0 for FoundationDB.
    pub batches: AtomicU64,
    /// Size of the engine's file after the last durable batch, in bytes; 0 if it has none.
    pub file_bytes: AtomicU64,
}

impl Metrics {
    pub(super) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Keeps the largest `value` so far in `gauge`.
    pub(super) fn record_max(gauge: &AtomicU64, value: u64) {
        gauge.fetch_max(value, Ordering::Relaxed);
    }
}
