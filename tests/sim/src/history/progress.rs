//! How far work has come that goes on behind the write path.

use std::time::Duration;

use alluvium_model::{Offset, TopicPartition};

/// The kinds of work that go on behind the write path, each through the log of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Upkeep {
    /// Rewriting segments as history. Its place is where level 0 begins.
    Compaction,
    /// Deleting what need not be kept. Its place is the log start.
    Retention,
    /// Reading, by a consumer that began at the log start. Its place is the next offset that it reads.
    CatchUp,
}

/// How far work on a partition has come, while the load goes on and nothing fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which work.
    pub work: Upkeep,
    /// The partition.
    pub partition: TopicPartition,
    /// The place that it has come to.
    pub at: Offset,
    /// The place that it should have come to by now: since then it was due without interruption.
    pub due: Offset,
    /// Since when that was due.
    pub since: Duration,
}
