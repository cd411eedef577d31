//! What the compactor has done and has still to do, for metrics.

use std::sync::atomic::AtomicU64;

/// Running totals, and gauges where so named. Read with `Ordering::Relaxed`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Gauge: bytes not yet in history, as of the last round.
    pub lag_bytes: AtomicU64,
    /// Gauge: extents not yet in history, as of the last round.
    pub lag_extents: AtomicU64,
    /// History files swapped in.
    pub files_written: AtomicU64,
    /// Records in them.
    pub records_written: AtomicU64,
    /// Bytes of the extents that they replaced.
    pub bytes_in: AtomicU64,
    /// Bytes of those files.
    pub bytes_out: AtomicU64,
    /// Jobs dropped because their inputs had changed.
    pub jobs_stale: AtomicU64,
    /// Jobs that failed; each is logged, and planned again in the next round.
    pub jobs_failed: AtomicU64,
    /// Partitions whose log start retention moved.
    pub trims: AtomicU64,
    /// Topics purged after deletion.
    pub topics_purged: AtomicU64,
    /// Retired objects deleted.
    pub objects_deleted: AtomicU64,
    /// Orphans found by sweeps.
    pub orphans_found: AtomicU64,
    /// Orphans deleted by sweeps.
    pub orphans_deleted: AtomicU64,
}
