//! Finished files that are published together, as far as one transaction can and memory allows. Pure.

use std::collections::BTreeSet;

use alluvium_history::FinishedFile;
use alluvium_metastore::leases::Lease;
use alluvium_model::{Extent, TopicPartition, limits};

use super::job_result::JobResult;
use crate::plan::Compaction;

/// Files that are swapped in by one transaction. A crash leaves as many orphans at most, beside slow PUTs.
const BATCH_FILES_MAX: usize = 32;

/// A finished file, and what each of its partitions replaces, in their order.
pub(super) struct NewFile<'a> {
    pub(super) parts: Vec<FilePart<'a>>,
    pub(super) file: FinishedFile,
}

/// What a file replaces of one partition.
pub(super) struct FilePart<'a> {
    pub(super) compaction: &'a Compaction,
    pub(super) lease: Lease,
    pub(super) inputs: &'a [Extent],
    /// The input at which the part ends early, if no other try can help.
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

impl<'a> FilePart<'a> {
    /// A part that replaces the first `inputs` of `compaction`.
    pub(super) fn new(compaction: &'a Compaction, lease: Lease, inputs: usize, broken: Option<Extent>) -> Self {
        Self { compaction, lease, inputs: &compaction.inputs[..inputs.min(compaction.inputs.len())], broken }
    }
}

impl FilePart<'_> {
    /// Notes in `result` that it is not in a file. Returns its lease.
    pub(super) fn leave(self, result: &mut JobResult) -> Lease {
        result.leave(self.compaction);
        result.broken.extend(self.broken.map(|extent| (self.compaction.partition, extent)));
        self.lease
    }
}

impl NewFile<'_> {
    fn inputs(&self) -> usize {
        self.parts.iter().map(|part| part.inputs.len()).sum()
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
            && self.inputs + file.inputs() <= limits::SWAP_INPUTS_MAX
            && self.partitions.len() + file.parts.len() <= limits::SWAP_PARTITIONS_MAX
            && !file.parts.iter().any(|part| self.partitions.contains(&part.compaction.partition))
    }

    pub(super) fn add(&mut self, file: NewFile<'a>) {
        self.inputs += file.inputs();
        self.bytes = self.bytes.saturating_add(file.file.bytes);
        self.partitions.extend(file.parts.iter().map(|part| part.compaction.partition));
        self.files.push(file);
    }
}

#[cfg(test)]
mod tests {
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

    /// How many files of `bytes`, each of which replaces `inputs` of each of `parts` partitions, are published together.
    fn together(bytes: u64, inputs: usize, parts: usize, partition: impl Fn(i32) -> i32) -> usize {
        let compactions: Vec<Compaction> = (0..2_000).map(|number| compaction(partition(number), inputs)).collect();
        let mut batch = Batch::new(32 << 20);
        for compactions in compactions.chunks(parts) {
            let mut file_parts = Vec::new();
            for compaction in compactions {
                let owner = LeaseOwner { id: AgentId(0), incarnation: Incarnation(0) };
                let lease = Lease { key: LeaseKey::Partition(compaction.partition), owner, token: 0 };
                file_parts.push(FilePart::new(compaction, lease, inputs, None));
            }
            let file = FinishedFile { partitions: Vec::new(), parts: Vec::new(), bytes };
            let file = NewFile { parts: file_parts, file };
            if !batch.has_room_for(&file) {
                break;
            }
            batch.add(file);
        }
        batch.files.len()
    }

    #[test]
    fn files_are_published_together_as_a_transaction_and_memory_allow() {
        assert_eq!(together(1 << 10, 5, 1, |number| number), BATCH_FILES_MAX);
        assert_eq!(together(1 << 10, 500, 1, |number| number), limits::SWAP_INPUTS_MAX / 500);
        assert_eq!(together(10 << 20, 5, 1, |number| number), 3, "of 32 MiB");
        assert_eq!(together(1 << 10, 5, 1, |number| number / 2), 1, "each partition once");
        assert_eq!(together(1 << 10, 5, 50, |number| number), limits::SWAP_PARTITIONS_MAX / 50);
        assert_eq!(together(1 << 10, 20, 50, |number| number), limits::SWAP_INPUTS_MAX / 1_000);
    }
}
