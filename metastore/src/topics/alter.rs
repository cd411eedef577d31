//! Altering a topic: adding partitions, changing its config overrides.

use alluvium_model::{
    Timestamp, TopicId,
    topic::{check_configs, check_partitions},
};

use super::{
    AddPartitionsError, AlterConfigsError, Topic, Topics, create::write_heads, key::topic_key, service::read_topic,
    topic_row,
};
use crate::{
    feed::{self, FeedEntry},
    kv::Tx,
};

impl Topics {
    /// Adds partitions to a topic, so that it has `total`.
    pub async fn add_partitions(&self, id: TopicId, total: i32, now: Timestamp) -> Result<Topic, AddPartitionsError> {
        check_partitions(total)?;
        self.db.run("topics.add_partitions", |tx| async move { add_partitions(&tx, id, total, now).await }).await
    }

    /// Sets config overrides, or removes those whose value is `None`. The caller has validated them.
    pub async fn alter_configs(
        &self,
        id: TopicId,
        changes: Vec<(String, Option<String>)>,
        now: Timestamp,
    ) -> Result<Topic, AlterConfigsError> {
        let changes = &changes;
        self.db.run("topics.alter_configs", |tx| async move { alter_configs(&tx, id, changes, now).await }).await
    }
}

async fn add_partitions(tx: &Tx, id: TopicId, total: i32, now: Timestamp) -> Result<Topic, AddPartitionsError> {
    let topic = read_topic(tx, id).await?.ok_or(AddPartitionsError::Unknown(id))?;
    let current = topic.partitions;
    if total == current && tx.is_maybe_committed() {
        return Ok(topic);
    }
    if total <= current {
        return Err(AddPartitionsError::NotMore { current, total });
    }
    let topic = Topic { partitions: total, ..topic };
    let added = topic.all_partitions().skip(usize::try_from(current).unwrap_or(0));
    write_heads(tx, added, now);
    write(tx, &topic, now);
    Ok(topic)
}

async fn alter_configs(
    tx: &Tx,
    id: TopicId,
    changes: &[(String, Option<String>)],
    now: Timestamp,
) -> Result<Topic, AlterConfigsError> {
    let mut topic = read_topic(tx, id).await?.ok_or(AlterConfigsError::Unknown(id))?;
    for (name, value) in changes {
        match value {
            Some(value) => topic.configs.insert(name.clone(), value.clone()),
            None => topic.configs.remove(name),
        };
    }
    check_configs(&topic.configs)?;
    write(tx, &topic, now);
    Ok(topic)
}

fn write(tx: &Tx, topic: &Topic, now: Timestamp) {
    tx.set(&topic_key(topic.id), &topic_row::encode(topic));
    feed::append(tx, now, FeedEntry::Topics { ids: vec![topic.id] });
}
