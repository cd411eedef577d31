//! Creating a topic, with the heads of all its partitions.

use alluvium_model::{
    Timestamp, TopicPartition,
    log::Head,
    topic::{check_configs, check_name, check_partitions},
};

use super::{
    CreateTopicError, NewTopic, Topic, Topics,
    service::{read_name, read_topic},
    topic_row,
};
use crate::{
    feed::{self, FeedEntry},
    kv::Tx,
    log::head_row,
};

impl Topics {
    /// Creates a topic with all its partitions. Repeating it with the same id answers the same topic.
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
    tx.set(&topic_row::name_key(&topic.name), &topic_row::encode_name(topic.id, &topic.name));
    tx.set(&topic_row::key(topic.id), &topic_row::encode(topic));
    write_heads(tx, topic.all_partitions());
    feed::append(tx, now, FeedEntry::Topics { ids: vec![topic.id] });
    Ok(topic.clone())
}

/// Gives new partitions their heads.
pub(super) fn write_heads(tx: &Tx, partitions: impl Iterator<Item = TopicPartition>) {
    let empty = head_row::encode(&Head::EMPTY);
    for partition in partitions {
        tx.set(&head_row::key(partition), &empty);
    }
}
