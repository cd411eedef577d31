//! Committed offsets as transactions.

use std::collections::BTreeSet;

use alluvium_model::{TopicId, TopicPartition, group::GroupId};

use super::{
    key::{group_range, index_key, index_range, indexed_group, offset_key, partition_of, pending_range, topic_range},
    row::{CommittedOffset, decode, encode},
};
use crate::{
    groups::{Fence, SaveError, fence_under},
    keyspace::Error,
    kv::{self, Db, Tx, key_after},
    leases::Lease,
};

/// Offsets written in one transaction; larger commits take several, as Kafka promises nothing across partitions.
const COMMIT_ROWS_MAX: usize = 1_000;
/// Bytes of one such transaction's values, so that it stays under 1 MB with its keys.
const COMMIT_BYTES_MAX: usize = 500_000;
/// Offset rows read at once: at Kafka's default limit of 4 kB of metadata each, about a megabyte.
pub(crate) const PAGE_ROWS_MAX: usize = 250;

/// Committed offsets. Clones share the store.
#[derive(Clone)]
pub struct Offsets {
    pub(crate) db: Db,
}

impl Offsets {
    /// Offsets in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Commits `offsets` of `group`, in order, if `fence`, under which the commit was admitted, is still stored, and
    /// `lease`, on the group, is held. If it fails midway, the first offsets are committed and the others are not.
    pub async fn commit(
        &self,
        lease: &Lease,
        group: &GroupId,
        fence: Fence,
        offsets: &[(TopicPartition, CommittedOffset)],
    ) -> Result<(), SaveError> {
        let mut remaining = offsets;
        while !remaining.is_empty() {
            let (step, rest) = remaining.split_at(fitting(remaining));
            self.db
                .run("commit offsets", |tx| async move {
                    check(&tx, lease, group, fence).await?;
                    for (partition, row) in step {
                        tx.set(&offset_key(group, *partition), &encode(row));
                    }
                    for topic in step.iter().map(|(partition, _)| partition.topic).collect::<BTreeSet<_>>() {
                        tx.set(&index_key(topic, group), &[]);
                    }
                    Ok::<_, SaveError>(())
                })
                .await?;
            remaining = rest;
        }
        Ok(())
    }

    /// The offsets that `group` has committed for `partitions`, in their order.
    pub async fn fetch(
        &self,
        group: &GroupId,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<CommittedOffset>>, Error> {
        let mut found = Vec::with_capacity(partitions.len());
        for page in partitions.chunks(PAGE_ROWS_MAX) {
            let keys: Vec<_> = page.iter().map(|partition| offset_key(group, *partition)).collect();
            let keys = &keys;
            let rows = self.db.read("fetch offsets", |tx| async move { tx.get_all(keys).await.map_err(Error::from) });
            for row in rows.await? {
                found.push(row.map(|row| decode(&row)).transpose()?);
            }
        }
        Ok(found)
    }

    /// All offsets that `group` has committed, by topic id and partition.
    pub async fn fetch_all(&self, group: &GroupId) -> Result<Vec<(TopicPartition, CommittedOffset)>, Error> {
        let mut found = Vec::new();
        let mut range = group_range(group).limit(PAGE_ROWS_MAX);
        loop {
            let page = range.clone();
            let read = |tx: Tx| {
                let page = page.clone();
                async move { tx.range(page).await.map_err(Error::from) }
            };
            let rows = self.db.read("fetch all offsets", read).await?;
            for (key, row) in &rows {
                found.push((partition_of(key)?, decode(row)?));
            }
            match rows.last() {
                Some((key, _)) if rows.len() == PAGE_ROWS_MAX => range.begin = key_after(key),
                Some(_) | None => return Ok(found),
            }
        }
    }

    /// Deletes the offsets that `group` has committed for `partitions`, if `fence`, under which the deletion was
    /// admitted, is still stored, and `lease`, on the group, is held.
    pub async fn delete(
        &self,
        lease: &Lease,
        group: &GroupId,
        fence: Fence,
        partitions: &[TopicPartition],
    ) -> Result<(), SaveError> {
        for page in partitions.chunks(COMMIT_ROWS_MAX) {
            self.db
                .run("delete offsets", |tx| async move {
                    check(&tx, lease, group, fence).await?;
                    for partition in page {
                        tx.clear(&offset_key(group, *partition));
                    }
                    Ok::<_, SaveError>(())
                })
                .await?;
        }
        Ok(())
    }

    /// One step of deleting all offsets in a purged topic: those of at most `limit` groups. Whether none are left.
    pub async fn purge(&self, topic: TopicId, limit: usize) -> Result<bool, Error> {
        self.db.run("purge offsets", |tx| async move { purge_step(&tx, topic, limit).await }).await
    }
}

/// Checks the fence. If it is not stored any more although an earlier attempt may have been committed under it, the
/// result stays unknown: whoever is told that the group has moved on takes it for a refusal.
async fn check(tx: &Tx, lease: &Lease, group: &GroupId, fence: Fence) -> Result<(), SaveError> {
    let is_stored = match fence_under(tx, lease, group).await {
        Ok(stored) => stored == Some(fence),
        Err(SaveError::Fenced) => false,
        Err(error) => return Err(error),
    };
    match (is_stored, tx.is_maybe_committed()) {
        (true, _) => Ok(()),
        (false, true) => {
            let last = Box::new(kv::Error::UnknownResult);
            Err(SaveError::Kv(kv::Error::GaveUp { transaction: "commit offsets", attempts: 2, last }))
        }
        (false, false) => Err(SaveError::Fenced),
    }
}

/// Number of `offsets`, from the first, that one transaction can take; at least one.
fn fitting(offsets: &[(TopicPartition, CommittedOffset)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, row): &&(TopicPartition, CommittedOffset)| {
        bytes += row.metadata.len();
        bytes <= COMMIT_BYTES_MAX
    };
    offsets.iter().take(COMMIT_ROWS_MAX).take_while(fits).count().max(1)
}

/// Clears a page of the offsets of `group`. Whether none are left.
pub(crate) async fn clear_step(tx: &Tx, group: &GroupId) -> Result<bool, Error> {
    // What waits for the end of a transaction is not to come back with it.
    let pending = pending_range(group, None);
    tx.clear_range(&pending.begin, &pending.end);
    let rows = tx.range(group_range(group).limit(PAGE_ROWS_MAX)).await?;
    for (key, _) in &rows {
        tx.clear(key);
        // If the topic has more offsets after this page, the next page clears its index row again.
        tx.clear(&index_key(partition_of(key)?.topic, group));
    }
    Ok(rows.len() < PAGE_ROWS_MAX)
}

/// Clears the offsets of at most `limit` groups in `topic`. Whether none are left.
pub(crate) async fn purge_step(tx: &Tx, topic: TopicId, limit: usize) -> Result<bool, Error> {
    let rows = tx.range(index_range(topic).limit(limit)).await?;
    for (key, _) in &rows {
        let offsets = topic_range(&indexed_group(key)?, topic);
        tx.clear_range(&offsets.begin, &offsets.end);
        tx.clear(key);
    }
    Ok(rows.len() < limit)
}
