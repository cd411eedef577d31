//! Topics as transactions.

use std::time::Duration;

use alluvium_model::{Timestamp, TopicId};

use super::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError, NewTopic, Topic};
use crate::{keyspace::Error, kv::Db};

/// Topics.
#[derive(Clone)]
pub struct Topics {
    db: Db,
}

/// A deleted topic whose records are still to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// What it was.
    pub topic: Topic,
    /// When it may be purged.
    pub due: Timestamp,
}

impl Topics {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Creates a topic with all its partitions. Repeating it with the same id answers the same topic.
    pub async fn create(&self, topic: NewTopic, now: Timestamp) -> Result<Topic, CreateTopicError> {
        unimplemented!()
    }

    /// The topic of this name.
    pub async fn by_name(&self, name: &str) -> Result<Option<Topic>, Error> {
        unimplemented!()
    }

    /// The topic of this id; none once it is deleted.
    pub async fn by_id(&self, id: TopicId) -> Result<Option<Topic>, Error> {
        unimplemented!()
    }

    /// All topics, by name.
    pub async fn list(&self) -> Result<Vec<Topic>, Error> {
        unimplemented!()
    }

    /// Deletes a topic: its name is free and its partitions are unknown at once; its records may be purged after `grace`.
    pub async fn delete(&self, id: TopicId, now: Timestamp, grace: Duration) -> Result<(), DeleteTopicError> {
        unimplemented!()
    }

    /// Makes it `total` partitions.
    pub async fn add_partitions(&self, id: TopicId, total: i32, now: Timestamp) -> Result<Topic, AddPartitionsError> {
        unimplemented!()
    }

    /// Sets overrides (or removes them: `None`), which the caller has validated.
    pub async fn alter_configs(
        &self,
        id: TopicId,
        changes: Vec<(String, Option<String>)>,
        now: Timestamp,
    ) -> Result<Topic, AlterConfigsError> {
        unimplemented!()
    }

    /// Deleted topics that may be purged by `now`, longest due first.
    pub async fn deleted_due(&self, now: Timestamp, limit: usize) -> Result<Vec<DeletedTopic>, Error> {
        unimplemented!()
    }

    /// One step of purging a deleted topic: unlinks at most `limit` extents; true once nothing of it is left.
    pub async fn purge(&self, id: TopicId, limit: usize, now: Timestamp, grace: Duration) -> Result<bool, Error> {
        unimplemented!()
    }
}
