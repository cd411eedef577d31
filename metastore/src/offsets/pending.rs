//! Offsets that wait for the end of a transaction.

use alluvium_model::{ProducerId, TopicPartition, group::GroupId};

use super::{
    key::{index_key, offset_key, pending_key, pending_partition_of, pending_range},
    row::{CommittedOffset, decode, encode},
    service::Offsets,
};
use crate::{keyspace::Error, kv::Tx};

/// Pending offsets of a group that one read finds: those of some hundred transactions.
const PENDING_ROWS_MAX: usize = 20_000;

/// The offsets of `group` that wait for the end of the transaction of `producer`.
pub(crate) async fn pending(
    tx: &Tx,
    group: &GroupId,
    producer: ProducerId,
) -> Result<Vec<(TopicPartition, CommittedOffset)>, Error> {
    let rows = tx.range(pending_range(group, Some(producer))).await?;
    rows.iter().map(|(key, row)| Ok((pending_partition_of(key)?, decode(row)?))).collect()
}

/// Writes an offset that waits.
pub(crate) fn set_pending(
    tx: &Tx,
    group: &GroupId,
    producer: ProducerId,
    partition: TopicPartition,
    offset: &CommittedOffset,
) {
    tx.set(&pending_key(group, producer, partition), &encode(offset));
}

/// Clears what waits for the end of the transaction of `producer` in `group`.
pub(crate) fn clear_pending(tx: &Tx, group: &GroupId, producer: ProducerId) {
    let range = pending_range(group, Some(producer));
    tx.clear_range(&range.begin, &range.end);
}

/// Writes a committed offset.
pub(crate) fn set(tx: &Tx, group: &GroupId, partition: TopicPartition, offset: &CommittedOffset) {
    tx.set(&offset_key(group, partition), &encode(offset));
    tx.set(&index_key(partition.topic, group), &[]);
}

impl Offsets {
    /// The partitions for which `group` has offsets that wait for the end of a transaction.
    pub async fn pending(&self, group: &GroupId) -> Result<Vec<TopicPartition>, Error> {
        self.db
            .read("pending offsets", |tx| async move {
                let rows = tx.range(pending_range(group, None).limit(PENDING_ROWS_MAX)).await?;
                Ok(rows.iter().map(|(key, _)| pending_partition_of(key)).collect::<Result<_, _>>()?)
            })
            .await
    }
}
