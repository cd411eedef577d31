//! Deleting a topic: it is gone for clients at once; its records are purged after a grace period.

use std::time::Duration;

use alluvium_model::{Timestamp, TopicId};

use super::{
    DeleteTopicError, Topics,
    key::{decode_due_key, deleted_key, due_by, due_key, due_value, name_key, topic_key},
    service::read_topic,
    topic_row::{DeletedTopic, decode_deleted, encode_deleted},
};
use crate::{
    feed::{self, FeedEntry},
    keyspace::{Error, RowError, RowProblem},
    kv::Tx,
    log,
};

/// Deleted topics that one transaction lists.
const LIST_MAX: usize = 500;

impl Topics {
    /// Deletes a topic: at once its name is free and its partitions are unknown; its records may be purged after
    /// `grace`.
    pub async fn delete(&self, id: TopicId, now: Timestamp, grace: Duration) -> Result<(), DeleteTopicError> {
        self.db.run("topics.delete", |tx| async move { delete(&tx, id, now, grace).await }).await
    }

    /// Deleted topics that may be purged by `now`, longest due first: at most `limit`, and at most 500.
    pub async fn deleted_due(&self, now: Timestamp, limit: usize) -> Result<Vec<DeletedTopic>, Error> {
        let limit = limit.min(LIST_MAX);
        self.db.read("topics.deleted_due", |tx| async move { deleted_due(&tx, now, limit).await }).await
    }
}

async fn delete(tx: &Tx, id: TopicId, now: Timestamp, grace: Duration) -> Result<(), DeleteTopicError> {
    let Some(topic) = read_topic(tx, id).await? else {
        let is_done = tx.is_maybe_committed() && read_deleted(tx, id).await?.is_some();
        return if is_done { Ok(()) } else { Err(DeleteTopicError::Unknown(id)) };
    };
    tx.clear(&topic_key(id));
    tx.clear(&name_key(&topic.name));
    log::clear_topic(tx, id);
    let deleted = DeletedTopic { topic, due: Timestamp(now.plus(grace).0.max(0)) };
    tx.set(&deleted_key(id), &encode_deleted(&deleted));
    tx.set(&due_key(deleted.due, id), &due_value());
    feed::append(tx, now, FeedEntry::Topics { ids: vec![id] });
    Ok(())
}

async fn deleted_due(tx: &Tx, now: Timestamp, limit: usize) -> Result<Vec<DeletedTopic>, Error> {
    let rows = tx.range(due_by(now).limit(limit)).await?;
    let mut due = Vec::with_capacity(rows.len());
    for (key, _) in &rows {
        let missing = RowError { row: "deleted topic", problem: RowProblem::Missing };
        due.push(read_deleted(tx, decode_due_key(key)?).await?.ok_or(missing)?);
    }
    Ok(due)
}

/// The deleted topic `id`; `None` if it is purged, or was never deleted.
pub(crate) async fn read_deleted(tx: &Tx, id: TopicId) -> Result<Option<DeletedTopic>, Error> {
    let row = tx.get(&deleted_key(id)).await?;
    Ok(row.map(|row| decode_deleted(id, &row)).transpose()?)
}

/// Clears the rows of a deleted topic, once nothing of it is left.
pub(crate) fn clear_deleted(tx: &Tx, deleted: &DeletedTopic) {
    tx.clear(&due_key(deleted.due, deleted.topic.id));
    tx.clear(&deleted_key(deleted.topic.id));
}
