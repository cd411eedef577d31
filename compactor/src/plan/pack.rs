//! Many partitions: rewrites packed into jobs.
//!
//! Partitions that get little data share segments: one job for several of them reads each segment once for all, and
//! neighbours in a segment in one request. A partition with much data has a job for itself.

use alluvium_model::{Extent, Offset, TopicPartition};

/// Rewrites in one job: each has an encoder with buffers of its own (about a megabyte).
const JOB_REWRITES_MAX: usize = 64;

/// Neighbouring extents of a partition, to become one history file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// Its topic's name, which becomes part of the file's key.
    pub(crate) topic: String,
    /// Whose extents they are.
    pub(crate) partition: TopicPartition,
    /// Records below this are deleted: they need not be copied.
    pub(crate) log_start: Offset,
    /// In order, end to end; all segments, or all history files.
    pub(crate) inputs: Vec<Extent>,
}

/// What is done at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Segments to history files, one per partition.
    Rewrite(Vec<Work>),
    /// History files to one history file.
    Merge(Work),
}

impl Work {
    pub(crate) fn bytes(&self) -> u64 {
        self.inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add)
    }
}

/// Packs rewrites into jobs whose inputs are `bytes_max` at most, unless a single rewrite is more.
pub(crate) fn pack(mut rewrites: Vec<Work>, bytes_max: u64) -> Vec<Job> {
    rewrites.sort_by_key(|work| (work.partition, work.inputs.first().map(|extent| extent.offsets.start)));
    let mut jobs: Vec<Vec<Work>> = Vec::new();
    let mut bytes: u64 = 0;
    for work in rewrites {
        let more = work.bytes();
        let fits = bytes.saturating_add(more) <= bytes_max;
        match jobs.last_mut() {
            Some(job) if fits && job.len() < JOB_REWRITES_MAX => {
                bytes += more;
                job.push(work);
            }
            _ => {
                bytes = more;
                jobs.push(vec![work]);
            }
        }
    }
    jobs.into_iter().map(Job::Rewrite).collect()
}
