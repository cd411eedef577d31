//! Topics as transactions: the handle, and reading them.

use alluvium_model::TopicId;

use super::{
    Topic,
    key::{all_topics, decode_topic_key, name_key, topic_key},
    name_row::decode_name,
    topic_row,
};
use crate::{
    keyspace::Error,
    kv::{Db, Tx, key_after},
};

/// Topics that one transaction of a listing reads: usually 50 B each, 64 kB at most.
const PAGE_TOPICS_MAX: usize = 500;

/// Topics. Clones share the store.
#[derive(Clone)]
pub struct Topics {
    pub(crate) db: Db,
}

impl Topics {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The topic called `name`.
    pub async fn by_name(&self, name: &str) -> Result<Option<Topic>, Error> {
        self.db
            .read("topics.by_name", |tx| async move {
                match read_name(&tx, name).await? {
                    Some((id, existing)) if existing == name => read_topic(&tx, id).await,
                    Some(_) | None => Ok(None),
                }
            })
            .await
    }

    /// The topic with this id; `None` once it is deleted.
    pub async fn by_id(&self, id: TopicId) -> Result<Option<Topic>, Error> {
        self.db.read("topics.by_id", |tx| async move { read_topic(&tx, id).await }).await
    }

    /// All topics, sorted by name. Many topics are read in several transactions, so that the list as a whole may be of
    /// no single moment.
    pub async fn list(&self) -> Result<Vec<Topic>, Error> {
        let mut topics = Vec::new();
        let mut range = all_topics().limit(PAGE_TOPICS_MAX);
        loop {
            let page = &range;
            let rows =
                self.db.read("topics.list", |tx| async move { Ok::<_, Error>(tx.range(page.clone()).await?) }).await?;
            for (key, row) in &rows {
                topics.push(topic_row::decode(decode_topic_key(key)?, row)?);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE_TOPICS_MAX => range.begin = key_after(last),
                _ => break,
            }
        }
        topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }
}

/// The topic with this id.
pub(super) async fn read_topic(tx: &Tx, id: TopicId) -> Result<Option<Topic>, Error> {
    let row = tx.get(&topic_key(id)).await?;
    Ok(row.map(|row| topic_row::decode(id, &row)).transpose()?)
}

/// The id and the name of the topic whose name is `name` or collides with it.
pub(super) async fn read_name(tx: &Tx, name: &str) -> Result<Option<(TopicId, String)>, Error> {
    let row = tx.get(&name_key(name)).await?;
    Ok(row.map(|row| decode_name(&row)).transpose()?)
}
