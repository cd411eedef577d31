//! What a job has changed: of each of its batches, and at its end.

use std::ops::Range;

use alluvium_model::{Extent, Offset, TopicPartition};

use crate::Report;
use crate::plan::Compaction;

/// The result of one batch of a job, or of the rest of it.
#[derive(Default)]
pub(crate) struct JobResult {
    /// The number of the job.
    pub(crate) job: u64,
    pub(crate) report: Report,
    /// Inputs that could not be read.
    pub(crate) broken: Vec<(TopicPartition, Extent)>,
    /// Compactions of which a file has replaced inputs.
    pub(crate) replaced: Vec<Replaced>,
    /// Compactions that were not done: partition and offsets.
    pub(crate) not_done: Vec<(TopicPartition, Range<Offset>)>,
    /// Whether it is the last one of its job.
    pub(crate) is_end: bool,
}

/// A compaction of which a file has replaced the first inputs, or all.
pub(crate) struct Replaced {
    pub(crate) partition: TopicPartition,
    /// The offsets of all its inputs.
    pub(crate) offsets: Range<Offset>,
    pub(crate) inputs: Vec<Extent>,
}

impl JobResult {
    pub(super) fn leave(&mut self, compaction: &Compaction) {
        self.not_done.push((compaction.partition, compaction.offsets()));
    }
}
