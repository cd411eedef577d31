//! Compactions of many partitions, packed into jobs.
//!
//! Partitions that get little data share segments: one job for several of them reads each segment once for all of them,
//! and adjacent runs of a segment in one request. A partition with much data gets a job of its own.

use std::collections::BTreeMap;
use std::ops::Range;

use alluvium_model::{Extent, ObjectId, Offset, TopicPartition};

use super::sharing::neighbourhood;

/// Compactions in one job: each has a lease.
pub(crate) const JOB_REWRITES_MAX: usize = 10_000;
/// Memory of one compaction beside its inputs, bytes: the lease, the names, the state of its file.
const COMPACTION_MEMORY_BYTES: u64 = 1_000;
/// Memory of one input beside its records, bytes: the extent in the plan and with its run, its place in the schedule.
const INPUT_MEMORY_BYTES: u64 = 300;

/// Adjacent extents of one partition that become history files of its own, or its part of a shared one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compaction {
    /// The topic's name; it becomes part of the file's key.
    pub(crate) topic: String,
    /// The partition that the extents belong to.
    pub(crate) partition: TopicPartition,
    /// The partition's log start: records below it are deleted and need not be copied.
    pub(crate) log_start: Offset,
    /// The extents, in order and without gaps; all are segments, or all lie in history files.
    pub(crate) inputs: Vec<Extent>,
}

/// A unit of work of one compactor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Rewrites segments into history files, which small partitions share.
    Rewrite(Vec<Compaction>),
    /// Merges history files of a partition into one. If some are shared, they are replaced with all their parts.
    Merge(Compaction),
}

impl Job {
    /// Its compactions.
    pub(crate) fn compactions(&self) -> &[Compaction] {
        match self {
            Self::Rewrite(compactions) => compactions,
            Self::Merge(compaction) => std::slice::from_ref(compaction),
        }
    }

    /// Bytes of level 0 that it reads.
    pub(crate) fn level_0_bytes(&self) -> u64 {
        match self {
            Self::Rewrite(rewrites) => rewrites.iter().map(Compaction::bytes).fold(0, u64::saturating_add),
            Self::Merge(_) => 0,
        }
    }
}

impl Compaction {
    /// The offsets of all inputs.
    pub(crate) fn offsets(&self) -> Range<Offset> {
        let start = self.inputs.first().map_or(Offset(0), |extent| extent.offsets.start);
        start..self.inputs.last().map_or(start, |extent| extent.offsets.end)
    }

    /// The shared history files among the inputs.
    pub(crate) fn shared_files(&self) -> impl Iterator<Item = ObjectId> {
        self.inputs.iter().filter(|input| input.is_shared()).map(|input| input.object)
    }

    /// Bytes of all inputs.
    pub(crate) fn bytes(&self) -> u64 {
        self.inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add)
    }

    /// Bytes that it takes in memory once all its inputs are collected.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let inputs = u64::try_from(self.inputs.len()).unwrap_or(u64::MAX);
        self.bytes().saturating_add(inputs.saturating_mul(INPUT_MEMORY_BYTES)).saturating_add(COMPACTION_MEMORY_BYTES)
    }
}

/// Packs rewrites into jobs that take at most `bytes_max` in memory once all inputs are collected, unless a job is a
/// single rewrite, whose inputs are encoded as they are read.
pub(crate) fn pack(mut rewrites: Vec<Compaction>, bytes_max: u64) -> Vec<Job> {
    rewrites.sort_by_key(|rewrite| (rewrite.partition, rewrite.inputs.first().map(|extent| extent.offsets.start)));
    let mut jobs: Vec<Vec<Compaction>> = Vec::new();
    let mut bytes: u64 = 0;
    for rewrite in rewrites {
        let more = rewrite.memory_bytes();
        let fits = bytes.saturating_add(more) <= bytes_max;
        match jobs.last_mut() {
            Some(job) if fits && job.len() < JOB_REWRITES_MAX => {
                bytes += more;
                job.push(rewrite);
            }
            _ => {
                bytes = more;
                jobs.push(vec![rewrite]);
            }
        }
    }
    jobs.iter_mut().for_each(|job| sort(job));
    jobs.into_iter().map(Job::Rewrite).collect()
}

/// Sorts compactions so that those follow each other that may share a file, in which a partition occurs once: by
/// neighbourhoods, and in each of these first those that are the first of their partition, then the second ones, ...
pub(crate) fn sort(compactions: &mut [Compaction]) {
    compactions.sort_by_key(|of| (of.partition, of.offsets().start));
    let mut seen: BTreeMap<TopicPartition, usize> = BTreeMap::new();
    let number = |of: &Compaction| {
        let number = seen.entry(of.partition).or_default();
        *number += 1;
        ((of.partition, of.offsets().start), (neighbourhood(of.partition), *number))
    };
    let keys: BTreeMap<_, _> = compactions.iter().map(number).collect();
    compactions.sort_by_key(|of| keys[&(of.partition, of.offsets().start)]);
}
