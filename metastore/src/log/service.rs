//! The logs of partitions as transactions: the handle, and reading heads.

use alluvium_model::{TopicPartition, log::Head};

use super::{key::head_key, row::decode_head};
use crate::{
    keyspace::Error,
    kv::{Db, Tx},
};

/// Heads that one transaction reads, 41 B each.
const HEADS_MAX: usize = 2_000;

/// The logs of partitions. Clones share the store.
#[derive(Clone)]
pub struct Log {
    pub(super) db: Db,
}

impl Log {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The head of a partition; `None` if there is no such partition.
    pub async fn head(&self, partition: TopicPartition) -> Result<Option<Head>, Error> {
        self.db.read("log.head", |tx| async move { read_head(&tx, partition).await }).await
    }

    /// The heads of many partitions, in their order; `None` for each that does not exist.
    pub async fn heads(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<Head>>, Error> {
        let mut heads = Vec::with_capacity(partitions.len());
        for partitions in partitions.chunks(HEADS_MAX) {
            let keys = &partitions.iter().map(|partition| head_key(*partition)).collect::<Vec<_>>();
            let rows = self.db.read("log.heads", |tx| async move { Ok::<_, Error>(tx.get_all(keys).await?) }).await?;
            for row in rows {
                heads.push(row.as_deref().map(decode_head).transpose()?);
            }
        }
        Ok(heads)
    }
}

/// The head of a partition; `None` if there is no such partition.
pub(super) async fn read_head(tx: &Tx, partition: TopicPartition) -> Result<Option<Head>, Error> {
    let row = tx.get(&head_key(partition)).await?;
    Ok(row.as_deref().map(decode_head).transpose()?)
}
