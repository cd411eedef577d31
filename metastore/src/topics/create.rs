//! Creating a topic together with the heads of all its partitions.

use alluvium_model::{
    Timestamp, TopicPartition,
    log::Head,
    topic::{check_configs, check_name, check_partitions},
};

use super::{
    CreateTopicError, NewTopic, Topic, Topics,
    key::{name_key, topic_key},
    name_row::encode_name,
    service::{read_name, read_topic},
    topic_row,
};
use crate::{
    feed::{self, FeedEntry},
    kv::Tx,
    log::{encode_head, head_key},
};

impl Topics {
    /// Creates a topic with all its partitions. A repeated call with the same id returns the topic that the first
    /// created.
    pub async fn create(&self, topic: NewTopic, now: Timestamp) -> Result<Topic, CreateTopicError> {
        check_name(&topic.name)?;
        check_partitions(topic.partitions)?;
        check_configs(&topic.configs)?;
        let topic = &topic.created(now);
        self.db.run("topics.create", |tx| async move { create(&tx, topic, now).await }).await
    }
}

async fn create(tx: &Tx, topic: &Topic, now: Timestamp) -> Result<Topic, CreateTopicError> {
    if let Some((id, existing)) = read_name(tx, &topic.name).await? {
        if id == topic.id
            && let Some(created) = read_topic(tx, id).await?
        {
            return Ok(created);
        }
        let name = topic.name.clone();
        return Err(if existing == name {
            CreateTopicError::Exists { name }
        } else {
            CreateTopicError::Collides { name, existing }
        });
    }
    tx.set(&name_key(&topic.name), &encode_name(topic.id, &topic.name));
    tx.set(&topic_key(topic.id), &topic_row::encode(topic));
    write_heads(tx, topic.all_partitions(), now);
    feed::append(tx, now, FeedEntry::Topics { ids: vec![topic.id] });
    Ok(topic.clone())
}

/// Writes the heads of new partitions, created `now`.
pub(super) fn write_heads(tx: &Tx, partitions: impl Iterator<Item = TopicPartition>, now: Timestamp) {
    let empty = encode_head(&Head { created: now, ..Head::EMPTY });
    for partition in partitions {
        tx.set(&head_key(partition), &empty);
    }
}
