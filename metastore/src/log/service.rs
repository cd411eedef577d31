//! The logs of partitions as transactions: the handle, and reading heads and sizes.

use alluvium_model::{TopicPartition, log::Head};
use bytes::Bytes;

use super::{
    key::{head_key, removed_key, start_key},
    row::decode_head,
    start_row::decode_start,
};
use crate::{
    keyspace::{Error, RowError, decode_counter},
    kv::{Db, Tx},
};

/// Heads that one transaction reads, two rows of about 60 B each.
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
        Ok(self.heads(&[partition]).await?.pop().flatten())
    }

    /// The heads of many partitions, in their order; `None` for each that does not exist.
    pub async fn heads(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<Head>>, Error> {
        let mut heads = Vec::with_capacity(partitions.len());
        for partitions in partitions.chunks(HEADS_MAX) {
            for (head, start) in self.pairs("log.heads", partitions, start_key).await? {
                heads.push(decode(head, start)?);
            }
        }
        Ok(heads)
    }

    /// The sizes of many partitions, in their order: the bytes of their live extents. `None` for each that does not
    /// exist.
    pub async fn sizes(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>, Error> {
        let mut sizes = Vec::with_capacity(partitions.len());
        for partitions in partitions.chunks(HEADS_MAX) {
            for (head, removed) in self.pairs("log.sizes", partitions, removed_key).await? {
                let appended = decode(head, None)?.map(|head| head.appended);
                let removed = decode_counter("log removed", removed.as_deref())?;
                sizes.push(appended.map(|appended| appended.saturating_sub_signed(removed)));
            }
        }
        Ok(sizes)
    }

    /// The head row of each partition, and its row with the key that `other` gives.
    async fn pairs(
        &self,
        name: &'static str,
        partitions: &[TopicPartition],
        other: fn(TopicPartition) -> Vec<u8>,
    ) -> Result<Vec<(Option<Bytes>, Option<Bytes>)>, Error> {
        let heads = partitions.iter().map(|partition| head_key(*partition));
        let keys = &heads.chain(partitions.iter().map(|partition| other(*partition))).collect::<Vec<_>>();
        let mut rows = self.db.read(name, |tx| async move { Ok::<_, Error>(tx.get_all(keys).await?) }).await?;
        let others = rows.split_off(partitions.len());
        Ok(rows.into_iter().zip(others).collect())
    }
}

/// The head of a partition, to change its extents or its log start; `None` if there is no such partition.
///
/// What commits write is read without a conflict: it only grows, and who changes extents below it need not know by how
/// much. What trims write, and the deletion of a topic clears, is read with a conflict, even if there is no such row.
pub(crate) async fn read_head_to_change(tx: &Tx, partition: TopicPartition) -> Result<Option<Head>, Error> {
    let (head, start) = (head_key(partition), start_key(partition));
    let (head, start) = futures::future::try_join(tx.get_snapshot(&head), tx.get(&start)).await?;
    Ok(decode(head, start)?)
}

/// The head of a partition, for a transaction that writes it.
pub(crate) async fn read_head(tx: &Tx, partition: TopicPartition) -> Result<Option<Head>, Error> {
    let (head, start) = (head_key(partition), start_key(partition));
    let (head, start) = futures::future::try_join(tx.get(&head), tx.get_snapshot(&start)).await?;
    Ok(decode(head, start)?)
}

/// The head that the rows of a head and of a log start make.
pub(super) fn decode(head: Option<Bytes>, start: Option<Bytes>) -> Result<Option<Head>, RowError> {
    let Some(head) = head else { return Ok(None) };
    decode_head(&head, decode_start(start.as_deref())?).map(Some)
}
