//! What one round did.

/// Failures that a report names and that are logged.
const FAILURES_MAX: usize = 100;

/// Totals of one round, for people and for tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// History files swapped in.
    pub files_written: u64,
    /// Records in them.
    pub records_written: u64,
    /// Extents that they replaced.
    pub extents_replaced: u64,
    /// Bytes of those extents.
    pub bytes_in: u64,
    /// Bytes of the files.
    pub bytes_out: u64,
    /// Rewrites dropped because their inputs had changed.
    pub stale: u64,
    /// Leases that another compactor held: what they protect is left to it.
    pub leases_refused: u64,
    /// What was not done because its lease was lost meanwhile.
    pub fenced: u64,
    /// What failed, one line each (bounded); the rest went on.
    pub failures: Vec<String>,
    /// Partitions whose log start retention moved.
    pub trims: u64,
    /// Topics purged after deletion.
    pub topics_purged: u64,
    /// Retired objects deleted.
    pub objects_deleted: u64,
    /// Orphans found.
    pub orphans_found: u64,
    /// Orphans deleted.
    pub orphans_deleted: u64,
}

impl Report {
    /// Adds what another part of the round did.
    pub(crate) fn add(&mut self, part: Self) {
        self.files_written += part.files_written;
        self.records_written += part.records_written;
        self.extents_replaced += part.extents_replaced;
        self.bytes_in += part.bytes_in;
        self.bytes_out += part.bytes_out;
        self.stale += part.stale;
        self.leases_refused += part.leases_refused;
        self.fenced += part.fenced;
        self.trims += part.trims;
        self.topics_purged += part.topics_purged;
        self.objects_deleted += part.objects_deleted;
        self.orphans_found += part.orphans_found;
        self.orphans_deleted += part.orphans_deleted;
        let room = FAILURES_MAX.saturating_sub(self.failures.len());
        self.failures.extend(part.failures.into_iter().take(room));
    }

    /// Logs a failure and remembers it; no more than some, since an outage makes everything fail.
    pub(crate) fn fail(&mut self, what: &str, error: &dyn std::fmt::Display) {
        if self.failures.len() < FAILURES_MAX {
            tracing::warn!(%error, "{what} failed");
            self.failures.push(format!("{what}: {error}"));
        }
    }
}
