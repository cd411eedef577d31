//! Entries of the feed, and positions in it.

use std::ops::Range;

use alluvium_model::{Extent, Offset, TopicId, TopicPartition, log::transaction_end::AbortedTransaction};

/// A position in the feed: that of a later entry is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition(pub(crate) [u8; 12]);

impl FeedPosition {
    /// The position before the first entry.
    pub const START: Self = Self([0; 12]);

    /// The version of the store at which the entry here was committed.
    pub(super) fn version(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// One change of logs or topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEntry {
    /// Segments were committed. A large commit becomes several entries.
    Commit {
        /// The new extents, each with its partition, in the order of their offsets.
        extents: Vec<(TopicPartition, Extent)>,
        /// The stable offsets of those of the partitions in which transactions are open now; all of the others are
        /// stable.
        stable: Vec<(TopicPartition, Offset)>,
    },
    /// A transaction ended in some partitions. A large one becomes several entries.
    TransactionEnd {
        /// The partitions.
        partitions: Vec<PartitionTransactionEnd>,
    },
    /// Extents of a partition were replaced by others that hold the same offsets.
    Swap {
        /// The partition.
        partition: TopicPartition,
        /// Offsets that the replaced extents cover.
        inputs: Range<Offset>,
        /// The extents that hold those offsets now.
        outputs: Vec<Extent>,
    },
    /// The log start of a partition moved up.
    Trim {
        /// The partition.
        partition: TopicPartition,
        /// The new log start.
        start: Offset,
    },
    /// Topics were created, altered or deleted: readers must read them again.
    Topics {
        /// The topics.
        ids: Vec<TopicId>,
    },
}

/// The end of a transaction in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionTransactionEnd {
    /// The partition.
    pub partition: TopicPartition,
    /// The marker, which is the newest extent.
    pub marker: Extent,
    /// The stable offset from now on.
    pub stable: Offset,
    /// The transaction, if it was aborted.
    pub aborted: Option<AbortedTransaction>,
}
