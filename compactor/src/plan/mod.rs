//! What to rewrite: pure decisions over the extents of partitions.
//!
//! Segments become history files in the order of their offsets. Small adjacent history files are merged, but only
//! if every byte ends up in a file at least twice as large as the one it was in. So a byte is rewritten a number of
//! times that grows with the logarithm of the target size, however small its first file was. Neighbouring partitions with
//! little data share a file until each has enough for one of its own.

mod jobs;
mod policy;
mod sharing;

pub(crate) use jobs::{Compaction, JOB_REWRITES_MAX, Job, pack, sort};
pub(crate) use policy::{Lag, Policy, Selection, lag, plan};
pub(crate) use sharing::{Part, Sharing, neighbourhood, neighbours};

#[cfg(test)]
mod tests;
