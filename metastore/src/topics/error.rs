//! Why a topic operation is refused.

use alluvium_model::{
    TopicId,
    topic::{InvalidName, InvalidSize},
};
use thiserror::Error;

use crate::keyspace::{Error, from_store};

/// Why a topic is not created.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreateTopicError {
    /// There is one of this name.
    #[error("topic {name:?} already exists")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is one whose name differs in `.` and `_` only.
    #[error("topic {name:?} collides with existing topic {existing:?}")]
    Collides {
        /// The name asked for.
        name: String,
        /// The name that exists.
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
    /// No such topic.
    #[error("unknown topic {0}")]
    Unknown(TopicId),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

/// Why partitions are not added.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddPartitionsError {
    /// No such topic.
    #[error("unknown topic {0}")]
    Unknown(TopicId),
    /// It has so many already.
    #[error("topic has {current} partitions already, {total} are not more")]
    NotMore {
        /// Partitions that it has.
        current: i32,
        /// Asked for.
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
    /// No such topic.
    #[error("unknown topic {0}")]
    Unknown(TopicId),
    /// More overrides than fit.
    #[error(transparent)]
    Size(#[from] InvalidSize),
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(CreateTopicError, DeleteTopicError, AddPartitionsError, AlterConfigsError);
