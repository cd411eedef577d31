//! What the feed says.

use std::ops::Range;

use alluvium_model::{Extent, Offset, TopicId, TopicPartition};

/// A position in the feed: those of later entries are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition(pub(crate) [u8; 12]);

impl FeedPosition {
    /// Before the first entry.
    pub const START: Self = Self([0; 12]);
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEntry {
    /// Segments were committed. A large commit is several entries.
    Commit {
        /// The new extents, in order.
        extents: Vec<(TopicPartition, Extent)>,
    },
    /// Extents were replaced.
    Swap {
        /// Of which partition.
        partition: TopicPartition,
        /// Offsets that the replaced extents cover.
        inputs: Range<Offset>,
        /// What lies there now.
        outputs: Vec<Extent>,
    },
    /// A log start moved up.
    Trim {
        /// Of which partition.
        partition: TopicPartition,
        /// To where.
        start: Offset,
    },
    /// Topics were created, altered or deleted: read them again.
    Topics {
        /// Which.
        ids: Vec<TopicId>,
    },
}
