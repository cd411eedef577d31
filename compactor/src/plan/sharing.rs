//! Which small partitions of a topic share a history file.
//!
//! Partitions share with their neighbours, whose numbers give the same result if divided by [`PARTITIONS_MAX`]: so the
//! files of different rounds hold about the same partitions, and can be merged with each other as a whole.

use std::ops::Range;

use alluvium_model::{TopicId, TopicPartition, limits};

use super::jobs::Compaction;

/// Data of fewer bytes than this is small: it waits longer, and shares a file, so that slightly active partitions cost a
/// PUT for many of them and not one each every few minutes.
pub(super) const SMALL_BYTES: u64 = 1 << 20;
/// Partitions of one shared file: as many more row groups, each of which takes about 2 kB of the footer.
const PARTITIONS_MAX: usize = 50;
/// What full files divide into shared ones at least: four of them are merged in memory, beside the results.
const FILE_BYTES_DIVISOR: u64 = 8;
/// What shared files divide into parts at least; smaller ones are not worth a file of their own.
const PART_BYTES_DIVISOR: u64 = 2;
/// What full files divide into merges of shared ones, by bytes of inputs: these are in memory beside the results.
const MERGE_BYTES_DIVISOR: u64 = 2;

/// The limits of shared files, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sharing {
    /// A partition with as much gets a file of its own.
    pub(crate) part_bytes_max: u64,
    /// What one file is written of, and so about the size that it does not exceed.
    pub(crate) file_bytes_max: u64,
    /// The sizes of all files that are merged together.
    pub(crate) merge_bytes_max: u64,
}

impl Sharing {
    /// The limits where a file of one partition is full at `file_bytes_target`.
    pub(crate) fn of(file_bytes_target: u64) -> Self {
        let file_bytes_max = file_bytes_target / FILE_BYTES_DIVISOR;
        Self {
            part_bytes_max: SMALL_BYTES.min(file_bytes_max / PART_BYTES_DIVISOR),
            file_bytes_max,
            merge_bytes_max: file_bytes_target / MERGE_BYTES_DIVISOR,
        }
    }

    /// Divides `compactions`, sorted by partition, into ranges of those whose outputs become one file. A range of more
    /// than one becomes a shared file, all of whose parts one transaction swaps in.
    pub(crate) fn files(self, compactions: &[&Compaction]) -> Vec<Range<usize>> {
        let mut files: Vec<Range<usize>> = Vec::new();
        let mut open: Option<OpenFile> = None;
        for (at, compaction) in compactions.iter().enumerate() {
            let part =
                OpenFile { last: compaction.partition, bytes: compaction.bytes(), inputs: compaction.inputs.len() };
            let is_small = part.bytes < self.part_bytes_max;
            let joined = open.and_then(|open| open.with(&part)).filter(|joined| is_small && self.fits(joined));
            match (joined, files.last_mut()) {
                (Some(joined), Some(file)) => {
                    file.end = at + 1;
                    open = Some(joined);
                }
                _ => {
                    files.push(at..at + 1);
                    open = is_small.then_some(part);
                }
            }
        }
        files
    }

    fn fits(self, file: &OpenFile) -> bool {
        file.bytes <= self.file_bytes_max && file.inputs <= limits::SWAP_INPUTS_MAX
    }
}

/// What is to become one file, so far.
#[derive(Clone, Copy)]
struct OpenFile {
    last: TopicPartition,
    bytes: u64,
    inputs: usize,
}

impl OpenFile {
    /// This with another partition, if they are neighbours and rise.
    fn with(self, part: &Self) -> Option<Self> {
        let are_neighbours = neighbourhood(self.last) == neighbourhood(part.last);
        (are_neighbours && self.last < part.last).then(|| Self {
            last: part.last,
            bytes: self.bytes.saturating_add(part.bytes),
            inputs: self.inputs + part.inputs,
        })
    }
}

/// What the partitions of a file have in common.
fn neighbourhood(of: TopicPartition) -> (TopicId, usize) {
    (of.topic, usize::try_from(of.partition.0).unwrap_or(0) / PARTITIONS_MAX)
}

#[cfg(test)]
mod tests {
    use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp};

    use super::*;

    const SHARING: Sharing = Sharing { part_bytes_max: 100, file_bytes_max: 250, merge_bytes_max: 1_000 };

    fn compaction((partition, bytes, inputs): (i32, u64, usize)) -> Compaction {
        let extent = |n: i64| Extent {
            offsets: Offset(n)..Offset(n + 1),
            object: ObjectId::new(Timestamp(0), 0, 0),
            source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
            bytes: if n == 0 { bytes } else { 0 },
            records: 1,
            timestamps: (Timestamp(0), Timestamp(0)),
        };
        Compaction {
            topic: "orders".to_owned(),
            partition: TopicPartition::new(TopicId::default(), PartitionIndex(partition)),
            log_start: Offset(0),
            inputs: (0..).map(extent).take(inputs).collect(),
        }
    }

    fn files(compactions: impl IntoIterator<Item = (i32, u64, usize)>) -> Vec<Range<usize>> {
        let compactions: Vec<Compaction> = compactions.into_iter().map(compaction).collect();
        SHARING.files(&compactions.iter().collect::<Vec<_>>())
    }

    #[test]
    fn neighbours_with_little_data_share_files_of_bounded_size() {
        assert_eq!(files([(0, 10, 1), (3, 99, 1), (7, 100, 1), (8, 10, 1)]), [0..2, 2..3, 3..4], "7 has enough");
        assert_eq!(files((0..6).map(|n| (n, 90, 1))), [0..2, 2..4, 4..6], "250 bytes");
        assert_eq!(files((40..60).map(|n| (n, 1, 1))), [0..10, 10..20], "50 begins a neighbourhood");
        assert_eq!(files((0..10).map(|n| (n, 1, 900))), [0..2, 2..4, 4..6, 6..8, 8..10], "2,000 inputs");
        assert_eq!(files([(1, 1, 1), (1, 1, 1), (2, 1, 1)]), [0..1, 1..3], "a partition occurs once in a file");
        assert_eq!(files([]), Vec::<Range<usize>>::new());
    }

    #[test]
    fn four_full_files_can_be_merged() {
        let Sharing { part_bytes_max, file_bytes_max, merge_bytes_max } = Sharing::of(128 << 20);
        assert_eq!((part_bytes_max, file_bytes_max, merge_bytes_max), (1 << 20, 16 << 20, 64 << 20));
        assert!(Sharing::of(20_000).part_bytes_max > 1_000);
    }
}
