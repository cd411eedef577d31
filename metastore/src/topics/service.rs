//! Topics: the handle, and reading them.

use alluvium_model::TopicId;

use super::{Topic, topic_row};
use crate::{
    keyspace::Error,
    kv::{Db, Range, Tx, key_after, prefix_end},
};

/// Topics that one transaction of a listing reads: usually 50 B each, 64 kB at most.
const PAGE: usize = 500;

/// Topics.
#[derive(Clone)]
pub struct Topics {
    pub(super) db: Db,
}

impl Topics {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The topic of this name.
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

    /// The topic of this id; none once it is deleted.
    pub async fn by_id(&self, id: TopicId) -> Result<Option<Topic>, Error> {
        self.db.read("topics.by_id", |tx| async move { read_topic(&tx, id).await }).await
    }

    /// All topics, by name. (In several transactions where there are many: each is as it was at some moment meanwhile.)
    pub async fn list(&self) -> Result<Vec<Topic>, Error> {
        let mut topics = Vec::new();
        let mut begin = topic_row::prefix();
        loop {
            let page = &Range::new(begin, prefix_end(&topic_row::prefix())).limit(PAGE);
            let rows =
                self.db.read("topics.list", |tx| async move { Ok::<_, Error>(tx.range(page.clone()).await?) }).await?;
            for (key, row) in &rows {
                topics.push(topic_row::decode(topic_row::decode_key(key)?, row)?);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE => begin = key_after(last),
                _ => break,
            }
        }
        topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }
}

pub(super) async fn read_topic(tx: &Tx, id: TopicId) -> Result<Option<Topic>, Error> {
    let row = tx.get(&topic_row::key(id)).await?;
    Ok(row.map(|row| topic_row::decode(id, &row)).transpose()?)
}

/// The topic that has this name, or one that collides with it.
pub(super) async fn read_name(tx: &Tx, name: &str) -> Result<Option<(TopicId, String)>, Error> {
    let row = tx.get(&topic_row::name_key(name)).await?;
    Ok(row.map(|row| topic_row::decode_name(&row)).transpose()?)
}
