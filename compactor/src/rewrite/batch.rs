//! Finished files that are published together, as far as one transaction can and memory allows. Pure.

use std::collections::BTreeSet;

use alluvium_history::FinishedFile;
use alluvium_metastore::leases::Lease;
use alluvium_model::{Extent, TopicPartition, limits};

use super::file_builder::BuiltFile;
use crate::plan::Compaction;

/// Files that are swapped in by one transaction. A crash leaves as many orphans at most, beside slow PUTs.
const BATCH_FILES_MAX: usize = 32;

/// A finished file, and what it replaces.
pub(super) struct NewFile<'a> {
    pub(super) compaction: &'a Compaction,
    pub(super) lease: Lease,
    pub(super) inputs: &'a [Extent],
    pub(super) file: FinishedFile,
    /// The input at which the file ends early, if no other try can help.
    pub(super) broken: Option<Extent>,
}

/// Files that are published together.
pub(super) struct Batch<'a> {
    pub(super) files: Vec<NewFile<'a>>,
    partitions: BTreeSet<TopicPartition>,
    inputs: usize,
    bytes: u64,
    bytes_max: u64,
}

impl<'a> NewFile<'a> {
    pub(super) fn new(compaction: &'a Compaction, lease: Lease, built: BuiltFile, broken: Option<Extent>) -> Self {
        let BuiltFile { file, inputs } = built;
        Self { compaction, lease, inputs: &compaction.inputs[..inputs.min(compaction.inputs.len())], file, broken }
    }
}

impl<'a> Batch<'a> {
    /// Nothing yet, of up to `bytes_max`, or one file.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { files: Vec::new(), partitions: BTreeSet::new(), inputs: 0, bytes: 0, bytes_max }
    }

    /// Whether one transaction can swap in `file` too, and memory can hold it beside the others.
    pub(super) fn has_room_for(&self, file: &NewFile<'_>) -> bool {
        let fits = self.bytes.saturating_add(file.file.bytes) <= self.bytes_max || self.files.is_empty();
        fits && self.files.len() < BATCH_FILES_MAX
            && self.inputs + file.inputs.len() <= limits::SWAP_INPUTS_MAX
            && !self.partitions.contains(&file.compaction.partition)
    }

    pub(super) fn add(&mut self, file: NewFile<'a>) {
        self.inputs += file.inputs.len();
        self.bytes = self.bytes.saturating_add(file.file.bytes);
        self.partitions.insert(file.compaction.partition);
        self.files.push(file);
    }
}

#[cfg(test)]
mod tests {
    use alluvium_history::FileIdentity;
    use alluvium_metastore::leases::LeaseKey;
    use alluvium_model::node::{Incarnation, LeaseOwner};
    use alluvium_model::{AgentId, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId};

    use super::*;

    fn compaction(number: i32, inputs: usize) -> Compaction {
        let extent = |n: i64| Extent {
            offsets: Offset(n)..Offset(n + 1),
            object: ObjectId::new(Timestamp(0), 0, 0),
            source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
            bytes: 1,
            records: 1,
            timestamps: (Timestamp(0), Timestamp(0)),
        };
        let partition = TopicPartition::new(TopicId::default(), PartitionIndex(number));
        let inputs = (0..).map(extent).take(inputs).collect();
        Compaction { topic: "orders".to_owned(), partition, log_start: Offset(0), inputs }
    }

    /// How many files of `bytes`, each of which replaces `inputs`, are published together.
    fn together(bytes: u64, inputs: usize, partition: impl Fn(i32) -> i32) -> usize {
        let compactions: Vec<Compaction> = (0..100).map(|number| compaction(partition(number), inputs)).collect();
        let mut batch = Batch::new(32 << 20);
        for compaction in &compactions {
            let (partition, offsets) = (compaction.partition, compaction.offsets());
            let identity = FileIdentity { topic: "orders".to_owned(), partition, offsets };
            let timestamps = (Timestamp(0), Timestamp(0));
            let file = FinishedFile { identity, parts: Vec::new(), bytes, records: 1, timestamps };
            let owner = LeaseOwner { id: AgentId(0), incarnation: Incarnation(0) };
            let lease = Lease { key: LeaseKey::Partition(partition), owner, token: 0 };
            let file = NewFile::new(compaction, lease, BuiltFile { file, inputs }, None);
            if !batch.has_room_for(&file) {
                break;
            }
            batch.add(file);
        }
        batch.files.len()
    }

    #[test]
    fn files_are_published_together_as_a_transaction_and_memory_allow() {
        assert_eq!(together(1 << 10, 5, |number| number), BATCH_FILES_MAX);
        assert_eq!(together(1 << 10, 500, |number| number), limits::SWAP_INPUTS_MAX / 500);
        assert_eq!(together(10 << 20, 5, |number| number), 3, "of 32 MiB");
        assert_eq!(together(1 << 10, 5, |number| number / 2), 1, "each partition once");
    }
}
