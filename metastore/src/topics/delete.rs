//! Deleting a topic softly: out of sight at once, its records go later.

use std::time::Duration;

use alluvium_model::{Timestamp, TopicId};

use super::{DeleteTopicError, Topic, Topics, service::read_topic, topic_row};
use crate::{
    feed::{self, FeedEntry},
    keyspace::{Error, RowError, RowProblem},
    kv::{Range, Tx, prefix_end},
    log::head_row,
};

/// Deleted topics that one transaction lists.
const LIST_MAX: usize = 500;

/// A deleted topic whose records are still to be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// What it was.
    pub topic: Topic,
    /// When it may be purged.
    pub due: Timestamp,
}

impl Topics {
    /// Deletes a topic: its name is free and its partitions are unknown at once; its records may be purged after `grace`.
    pub async fn delete(&self, id: TopicId, now: Timestamp, grace: Duration) -> Result<(), DeleteTopicError> {
        self.db.run("topics.delete", |tx| async move { delete(&tx, id, now, grace).await }).await
    }

    /// At most `limit` deleted topics (and 500) that may be purged by `now`, longest due first.
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
    tx.clear(&topic_row::key(id));
    tx.clear(&topic_row::name_key(&topic.name));
    let heads = head_row::topic_prefix(id);
    tx.clear_range(&heads, &prefix_end(&heads));
    let deleted = DeletedTopic { topic, due: Timestamp(now.plus(grace).0.max(0)) };
    tx.set(&topic_row::deleted_key(id), &topic_row::encode_deleted(&deleted));
    tx.set(&topic_row::due_key(deleted.due, id), &topic_row::encode_due());
    feed::append(tx, now, FeedEntry::Topics { ids: vec![id] });
    Ok(())
}

async fn deleted_due(tx: &Tx, now: Timestamp, limit: usize) -> Result<Vec<DeletedTopic>, Error> {
    let (begin, end) = topic_row::due_by(now);
    let rows = tx.range(Range::new(begin, end).limit(limit)).await?;
    let mut due = Vec::with_capacity(rows.len());
    for (key, _) in &rows {
        let missing = RowError { row: "deleted topic", problem: RowProblem::Missing };
        due.push(read_deleted(tx, topic_row::decode_due_key(key)?).await?.ok_or(missing)?);
    }
    Ok(due)
}

pub(super) async fn read_deleted(tx: &Tx, id: TopicId) -> Result<Option<DeletedTopic>, Error> {
    let row = tx.get(&topic_row::deleted_key(id)).await?;
    Ok(row.map(|row| topic_row::decode_deleted(id, &row)).transpose()?)
}
