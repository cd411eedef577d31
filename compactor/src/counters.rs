//! What the compactor has done and has still to do, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Report;

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
    /// Rewrites dropped because their inputs had changed.
    pub stale: AtomicU64,
    /// Leases that another compactor held.
    pub leases_refused: AtomicU64,
    /// What was not done because its lease was lost meanwhile.
    pub fenced: AtomicU64,
    /// What failed and was left for the next round; each is logged.
    pub failures: AtomicU64,
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

impl Counters {
    pub(crate) fn count(&self, report: &Report) {
        let failures = u64::try_from(report.failures.len()).unwrap_or(u64::MAX);
        for (counter, count) in [
            (&self.files_written, report.files_written),
            (&self.records_written, report.records_written),
            (&self.bytes_in, report.bytes_in),
            (&self.bytes_out, report.bytes_out),
            (&self.stale, report.stale),
            (&self.leases_refused, report.leases_refused),
            (&self.fenced, report.fenced),
            (&self.failures, failures),
            (&self.trims, report.trims),
            (&self.topics_purged, report.topics_purged),
            (&self.objects_deleted, report.objects_deleted),
            (&self.orphans_found, report.orphans_found),
            (&self.orphans_deleted, report.orphans_deleted),
        ] {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }
}
