//! The work that is planned at a time, and its limits. Pure.

use alluvium_model::Timestamp;

use crate::plan::{self, Compaction, Job, Policy};
use crate::work::PartitionWork;

/// Partitions planned at a time: those that share segments are packed into one job, as many as fit one.
pub(crate) const PLAN_PARTITIONS_MAX: usize = 10_000;
/// Extents planned at a time (about 200 B each).
pub(crate) const PLAN_EXTENTS_MAX: usize = 200_000;

/// What was planned at a time.
pub(crate) struct PlannedWork {
    rewrites: Vec<Compaction>,
    merges: Vec<Job>,
    partitions: usize,
    extents: usize,
    bytes: u64,
    bytes_max: u64,
}

impl PlannedWork {
    /// Nothing yet; it is full once its rewrites have `bytes_max` bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { rewrites: Vec::new(), merges: Vec::new(), partitions: 0, extents: 0, bytes: 0, bytes_max }
    }

    /// Whether no more partitions should be planned.
    pub(crate) fn is_full(&self) -> bool {
        self.partitions >= PLAN_PARTITIONS_MAX || self.extents >= PLAN_EXTENTS_MAX || self.bytes >= self.bytes_max
    }

    /// Whether a partition is rewritten because the age of small ones has come at `now`, and so others of them that
    /// soon will be should come along.
    pub(crate) fn has_slow(&self, policy: &Policy, now: Timestamp) -> bool {
        self.rewrites.iter().any(|rewrite| policy.is_slow(&plan::lag(&rewrite.inputs), now))
    }

    /// Extents to rewrite and to merge.
    pub(crate) fn extents(&self) -> usize {
        self.extents
    }

    /// Adds the work of one partition.
    pub(crate) fn add(&mut self, work: PartitionWork) {
        self.partitions += 1;
        self.extents += work.inputs();
        self.bytes = work.rewrites.iter().map(Compaction::bytes).fold(self.bytes, u64::saturating_add);
        self.rewrites.extend(work.rewrites);
        self.merges.extend(work.merges.into_iter().map(Job::Merge));
    }

    /// The jobs, those that rewrite first, of at most `job_bytes_max` bytes unless a single rewrite is larger.
    pub(crate) fn into_jobs(self, job_bytes_max: u64) -> Vec<Job> {
        let mut jobs = plan::pack(self.rewrites, job_bytes_max);
        jobs.extend(self.merges);
        jobs
    }
}
