//! Which small partitions of a topic share a history file.
//!
//! Partitions share with their neighbours, whose numbers give the same result if divided by [`NEIGHBOURS`]: so the files
//! of different rounds hold about the same partitions, and can be merged with each other as a whole. A file takes parts
//! until it is full, by what was written of it; so four files always fit into one merge.

use alluvium_model::{PartitionIndex, TopicId, TopicPartition, limits};

/// Partitions that may share a file: as many more row groups, each of which takes about 2 kB of the footer.
const NEIGHBOURS: i32 = 50;
/// What full files divide into shared ones at least.
const FILE_BYTES_DIVISOR: u64 = 10;
/// What full files divide into merges of shared ones, by bytes of inputs: these are in memory beside the results. Four
/// files are a fifth less than that, because the size of a part is estimated before it is written.
const MERGE_BYTES_DIVISOR: u64 = 2;
/// What shared files divide into parts at least; larger ones are worth a file of their own.
const PART_BYTES_DIVISOR: u64 = 2;

/// The bytes of all inputs that are merged together if some of them are shared and full files have `file_bytes_target`.
pub(super) fn merge_bytes_max(file_bytes_target: u64) -> u64 {
    file_bytes_target / MERGE_BYTES_DIVISOR
}

/// The neighbourhood of a partition: its topic and a number.
pub(crate) fn neighbourhood(of: TopicPartition) -> (TopicId, i32) {
    (of.topic, of.partition.0 / NEIGHBOURS)
}

/// The partitions that may share files with one, and that one; some may not exist.
pub(crate) fn neighbours(of: TopicPartition) -> Vec<TopicPartition> {
    let (topic, number) = neighbourhood(of);
    let first = number.saturating_mul(NEIGHBOURS);
    (first..first.saturating_add(NEIGHBOURS)).map(|n| TopicPartition::new(topic, PartitionIndex(n))).collect()
}

/// The limits of shared files, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sharing {
    /// A partition with as much gets a file of its own.
    part_bytes_max: u64,
    /// The size at which a file is full.
    file_bytes_max: u64,
}

/// A part of a file, or all parts of a file up to the last one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// The partition, or the last one.
    pub(crate) partition: TopicPartition,
    /// Bytes in the file, those that are not written yet about.
    pub(crate) bytes: u64,
    /// Extents that it replaces.
    pub(crate) inputs: usize,
}

impl Sharing {
    /// The limits where a file of one partition is full at `file_bytes_target`, and has at least `part_bytes_max`.
    pub(crate) fn new(file_bytes_target: u64, part_bytes_max: u64) -> Self {
        let file_bytes_max = file_bytes_target / FILE_BYTES_DIVISOR;
        Self { part_bytes_max: part_bytes_max.min(file_bytes_max / PART_BYTES_DIVISOR), file_bytes_max }
    }

    /// Bytes from which on a partition gets a file of its own.
    pub(crate) fn part_bytes_max(self) -> u64 {
        self.part_bytes_max
    }

    /// Whether a part that is made of `bytes` is so small that it shares a file, if there is one that it fits into.
    pub(crate) fn is_small(self, bytes: u64) -> bool {
        bytes < self.part_bytes_max
    }

    /// Whether `part` fits into a file to share.
    pub(crate) fn fits(self, part: &Part) -> bool {
        part.bytes <= self.file_bytes_max
    }

    /// Whether `file` takes `next` too.
    pub(crate) fn joins(self, file: &Part, next: &Part) -> bool {
        neighbourhood(file.partition) == neighbourhood(next.partition)
            && file.partition < next.partition
            && file.bytes.saturating_add(next.bytes) <= self.file_bytes_max
            && file.inputs + next.inputs <= limits::SWAP_INPUTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new(TopicId::default(), PartitionIndex(number))
    }

    #[test]
    fn neighbours_join_a_file_in_rising_order_until_it_is_full() {
        let sharing = Sharing::new(10_000, 1 << 20);
        let part = |number, bytes, inputs| Part { partition: partition(number), bytes, inputs };
        let joins = |file, next| sharing.joins(&file, &next);
        assert!(joins(part(3, 900, 1), part(4, 100, 1)) && !joins(part(3, 900, 1), part(4, 101, 1)), "a tenth");
        assert!(joins(part(0, 0, 1), part(49, 1, 1)) && !joins(part(49, 0, 1), part(50, 1, 1)), "50 is no neighbour");
        assert!(
            !joins(part(3, 0, 1), part(3, 1, 1)) && !joins(part(3, 0, 1), part(2, 1, 1)),
            "a partition occurs once"
        );
        assert!(joins(part(3, 0, 1_999), part(4, 1, 1)) && !joins(part(3, 0, 2_000), part(4, 1, 1)), "one transaction");
        assert!(sharing.is_small(499) && !sharing.is_small(500));
        assert!(sharing.fits(&part(0, 1_000, 1)) && !sharing.fits(&part(0, 1_001, 1)));
        assert!(!Sharing::new(128 << 20, 1 << 20).is_small(1 << 20) && !Sharing::new(128 << 20, 0).is_small(0));
    }

    #[test]
    fn four_full_files_and_a_fifth_more_can_be_merged() {
        for target in [1 << 20, 128 << 20] {
            assert!(merge_bytes_max(target) >= 4 * Sharing::new(target, 0).file_bytes_max / 4 * 5);
        }
    }

    #[test]
    fn neighbours_of_a_partition_have_its_neighbourhood() {
        let neighbours = neighbours(partition(123));
        assert_eq!((neighbours.first(), neighbours.last()), (Some(&partition(100)), Some(&partition(149))));
        assert!(neighbours.iter().all(|of| neighbourhood(*of) == neighbourhood(partition(123))));
    }
}
