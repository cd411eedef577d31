//! The errors of operations on topics.

use alluvium_model::{
    TopicId,
    topic::{InvalidName, InvalidSize},
};
use thiserror::Error;

use crate::keyspace::{Error, from_store};

/// Why a topic is not created.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreateTopicError {
    /// A topic of this name exists.
    #[error("topic {name:?} already exists")]
    Exists {
        /// The name.
        name: String,
    },
    /// A topic exists whose name differs only in `.` and `_`.
    #[error("topic {name:?} collides with existing topic {existing:?}")]
    Collides {
        /// The requested name.
        name: String,
        /// The name of the existing topic.
        existing: String,
    },
    /// The name is not legal.
    #[error("topic name is invalid: {0}")]
    Name(#[from] InvalidName),
    /// Too few or too many partitions, or too many configs.
    #[error(transparent)]
    Size(#[from] InvalidSize),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why a topic is not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteTopicError {
    /// The topic does not exist.
    #[error("unknown topic {0}")]
    Unknown(TopicId),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why partitions are not added.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddPartitionsError {
    /// The topic does not exist.
    #[error("unknown topic {0}")]
    Unknown(TopicId),
    /// The topic has at least as many partitions already.
    #[error("topic has {current} partitions already, {total} are not more")]
    NotMore {
        /// Number of partitions that it has.
        current: i32,
        /// Requested number of partitions.
        total: i32,
    },
    /// More than a topic may have.
    #[error(transparent)]
    Size(#[from] InvalidSize),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why configs are not altered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AlterConfigsError {
    /// The topic does not exist.
    #[error("unknown topic {0}")]
    Unknown(TopicId),
    /// The overrides are larger than a topic may store.
    #[error(transparent)]
    Size(#[from] InvalidSize),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(CreateTopicError, DeleteTopicError, AddPartitionsError, AlterConfigsError);
