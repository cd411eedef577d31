//! What administrators and the weather did, and what lies in the store at the end.

use std::{ops::Range, time::Duration};

use alluvium_model::{ObjectId, Offset, TopicId, TopicPartition};

use super::Outcome;

/// What of a topic goes away by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// Nothing; only `DeleteRecords` and the topic's deletion take records.
    #[default]
    Forever,
    /// Records older than this, by their timestamp.
    Age(Duration),
    /// The oldest, by size, or by size and age.
    Size,
}

/// What an administrator asked for, once it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// A topic was created.
    TopicCreated {
        /// When that was asked for.
        began: Duration,
        /// Its id: a topic of the same name created again has another.
        topic: TopicId,
        /// Its name.
        name: String,
        /// How many partitions it has.
        partitions: i32,
        /// What of it goes away by itself.
        retention: Retention,
    },
    /// A topic was deleted.
    TopicDeleted {
        /// When that was asked for.
        began: Duration,
        /// Which.
        topic: TopicId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A topic got more partitions.
    PartitionsAdded {
        /// When that was asked for.
        began: Duration,
        /// Which topic.
        topic: TopicId,
        /// How many partitions it has then.
        partitions: i32,
        /// How it ended.
        outcome: Outcome,
    },
    /// The beginning of a partition was deleted.
    RecordsDeleted {
        /// When that was asked for.
        began: Duration,
        /// Which partition.
        partition: TopicPartition,
        /// Records below it go; `None`: all that are there.
        before: Option<Offset>,
        /// How it ended.
        outcome: Outcome,
        /// The log start, as the answer says.
        log_start: Option<Offset>,
    },
    /// A group was deleted; its offsets count as deleted by `CommitOffset`s of their own.
    GroupDeleted {
        /// When that was asked for.
        began: Duration,
        /// Which.
        group: String,
        /// How it ended.
        outcome: Outcome,
    },
}

/// What was done to the system. Nodes and zones are named as the simulation names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node is dead from now on.
    Crash(String),
    /// A node comes (back) to life.
    Restart(String),
    /// A node stands still.
    Pause(String),
    /// A paused node goes on.
    Resume(String),
    /// The two hear each other no longer.
    Cut(String, String),
    /// All hear each other again.
    Healed,
    /// A node's wall clock is off by so many milliseconds from now on.
    Skew(String, i64),
    /// Anything else: the weather of a store, a client that dies.
    Other(String),
}

/// An extent that the metastore has at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveExtent {
    /// Of which partition.
    pub partition: TopicPartition,
    /// The offsets it covers.
    pub offsets: Range<Offset>,
    /// Where its records lie.
    pub object: ObjectId,
}

/// What there is at the very end, after everything that is due for deletion has had its time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FinalObjects {
    /// All extents.
    pub live: Vec<LiveExtent>,
    /// All objects that the store lists.
    pub stored: Vec<ObjectId>,
    /// All objects in the retire queue, which may be in the store still.
    pub retired: Vec<ObjectId>,
    /// Listed names that are not ours.
    pub strange: Vec<String>,
}
