//! Finished files that are published together, as far as one transaction can and memory allows. Pure.

use std::collections::BTreeSet;

use alluvium_history::FinishedFile;
use alluvium_metastore::leases::Lease;
use alluvium_model::{Extent, TopicPartition, limits};

use super::file_builder::BuiltFile;
use crate::job_memory::BATCH_BYTES_MAX;
use crate::plan::Compaction;

/// Files that are swapped in by one transaction. A crash leaves as many orphans at most.
const BATCH_FILES_MAX: usize = 32;

/// A finished file, and what it replaces.
pub(super) struct NewFile<'a> {
    pub(super) compaction: &'a Compaction,
    pub(super) lease: Lease,
    pub(super) inputs: &'a [Extent],
    pub(super) file: FinishedFile,
}

/// Files that are published together.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub(super) files: Vec<NewFile<'a>>,
    partitions: BTreeSet<TopicPartition>,
    inputs: usize,
    bytes: u64,
}

impl<'a> NewFile<'a> {
    pub(super) fn new(compaction: &'a Compaction, lease: Lease, built: BuiltFile) -> Self {
        let BuiltFile { file, inputs } = built;
        Self { compaction, lease, inputs: &compaction.inputs[..inputs.min(compaction.inputs.len())], file }
    }
}

impl<'a> Batch<'a> {
    /// Whether one transaction can swap in `file` too, and memory can hold it beside the others.
    pub(super) fn has_room_for(&self, file: &NewFile<'_>) -> bool {
        self.files.len() < BATCH_FILES_MAX
            && self.inputs + file.inputs.len() <= limits::SWAP_INPUTS_MAX
            && self.bytes.saturating_add(file.file.bytes) <= BATCH_BYTES_MAX
            && !self.partitions.contains(&file.compaction.partition)
    }

    pub(super) fn add(&mut self, file: NewFile<'a>) {
        self.inputs += file.inputs.len();
        self.bytes = self.bytes.saturating_add(file.file.bytes);
        self.partitions.insert(file.compaction.partition);
        self.files.push(file);
    }
}
