//! What administrators and the nemesis did, and what lies in the store at the end.

use std::{ops::Range, time::Duration};

use alluvium_model::{ObjectId, Offset, TopicId, TopicPartition};

use super::Outcome;

/// The retention of a topic.
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

/// An operation of an administrator, recorded when it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// A topic was created.
    TopicCreated {
        /// When it was requested.
        began: Duration,
        /// Its id: a topic of the same name created again has another.
        topic: TopicId,
        /// Its name.
        name: String,
        /// How many partitions it has.
        partitions: i32,
        /// Its retention.
        retention: Retention,
    },
    /// A topic was deleted.
    TopicDeleted {
        /// When it was requested.
        began: Duration,
        /// The topic.
        topic: TopicId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A topic got more partitions.
    PartitionsAdded {
        /// When it was requested.
        began: Duration,
        /// The topic.
        topic: TopicId,
        /// Its number of partitions afterwards.
        partitions: i32,
        /// How it ended.
        outcome: Outcome,
    },
    /// Records at the start of a partition were deleted.
    RecordsDeleted {
        /// When it was requested.
        began: Duration,
        /// The partition.
        partition: TopicPartition,
        /// Records below this offset are deleted; `None`: all records.
        before: Option<Offset>,
        /// How it ended.
        outcome: Outcome,
        /// The log start in the answer.
        log_start: Option<Offset>,
    },
    /// A group was deleted; its offsets count as deleted by `CommitOffset`s of their own.
    GroupDeleted {
        /// When it was requested.
        began: Duration,
        /// The group.
        group: String,
        /// How it ended.
        outcome: Outcome,
    },
}

/// A fault, or the end of one. Nodes and zones have the simulation's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node crashes.
    Crash(String),
    /// A node starts.
    Restart(String),
    /// A node is paused.
    Pause(String),
    /// A paused node resumes.
    Resume(String),
    /// The link between two places or zones is cut.
    Cut(String, String),
    /// All faults end.
    Healed,
    /// The skew of a node's wall clock is set, in milliseconds.
    Skew(String, i64),
    /// Any other fault: degraded stores, a client that is killed.
    Other(String),
}

/// An extent that the metastore has at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveExtent {
    /// Its partition.
    pub partition: TopicPartition,
    /// The offsets it covers.
    pub offsets: Range<Offset>,
    /// The object that holds its records; `None` if it is the marker of a transaction's end.
    pub object: Option<ObjectId>,
    /// Whether that is a history file of several partitions.
    pub is_shared: bool,
}

/// The state of the stores at the very end, when everything that is due has been deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FinalObjects {
    /// All extents in the metastore.
    pub live: Vec<LiveExtent>,
    /// All objects that the object store lists.
    pub stored: Vec<ObjectId>,
    /// All objects in the retire queue, which may still be in the object store.
    pub retired: Vec<ObjectId>,
    /// Records of live shared history files that are current elsewhere: a query would find them twice.
    pub doubled: Vec<String>,
    /// Listed keys that Alluvium did not make.
    pub strange: Vec<String>,
}
