//! What one round did.

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
    /// Jobs dropped because their inputs had changed.
    pub jobs_stale: u64,
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
