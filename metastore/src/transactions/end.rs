//! The end of a transaction: markers, stable offsets, the aborted index and group offsets, all in the transaction that
//! changes the state.

use alluvium_model::{
    Offset, Timestamp, TopicPartition,
    limits::TRANSACTION_MEMBERS_MAX,
    log::{
        Head,
        transaction_end::{EndedPartition, PartitionEnd, end_in_partition},
    },
    transaction::{TransactionalProducer, Verdict},
};
use futures::future::{try_join, try_join_all};

use super::pending_offsets;
use crate::{
    extents,
    feed::{self, FeedEntry, PartitionTransactionEnd},
    keyspace::Error,
    kv::{Range, Tx},
    log::{encode_head, head_key, read_head},
    transaction_rows::{
        aborted_key, decode_group_key, decode_offset, decode_partition, decode_partition_key, encode_aborted,
        groups_of, open_in, open_key, partitions_of,
    },
};

/// An end, as far as it concerns what belongs to the transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct MembersEnd {
    /// Who wrote it.
    pub writer: TransactionalProducer,
    /// Who may write from now on: markers carry its epoch, if its id is the same.
    pub next: TransactionalProducer,
    /// How it ends.
    pub verdict: Verdict,
    /// The time of the end, ms.
    pub now: Timestamp,
}

/// Ends what belongs to the open transaction of a producer. Must be called at most once in a transaction.
pub(super) async fn end_members(tx: &Tx, end: MembersEnd) -> Result<(), Error> {
    let members = |range: Range| tx.range(range.limit(TRANSACTION_MEMBERS_MAX as usize + 1));
    let (partitions, groups) =
        try_join(members(partitions_of(end.writer.id)), members(groups_of(end.writer.id))).await?;
    let mut written = Vec::new();
    for (key, row) in &partitions {
        if let Some(first) = decode_partition(row)? {
            written.push((decode_partition_key(key)?, first));
        }
    }
    let ended = try_join_all(written.into_iter().map(|(partition, first)| end_partition(tx, end, partition, first)));
    let ended: Vec<_> = ended.await?.into_iter().flatten().collect();
    for (key, _) in &groups {
        pending_offsets::end(tx, &decode_group_key(key)?, end.writer.id, end.verdict, end.now).await?;
    }
    for range in [partitions_of(end.writer.id), groups_of(end.writer.id)] {
        tx.clear_range(&range.begin, &range.end);
    }
    if !ended.is_empty() {
        feed::append(tx, end.now, FeedEntry::TransactionEnd { partitions: ended });
    }
    Ok(())
}

/// Ends the transaction in a partition to which it has written from `first` on; `None` if the partition was deleted
/// meanwhile.
async fn end_partition(
    tx: &Tx,
    end: MembersEnd,
    partition: TopicPartition,
    first: Offset,
) -> Result<Option<PartitionTransactionEnd>, Error> {
    // Itself, and another one.
    let open = async { tx.range(open_in(partition).limit(2)).await.map_err(Error::from) };
    let (head, open): (Option<Head>, _) = try_join(read_head(tx, partition), open).await?;
    let Some(head) = head else { return Ok(None) };
    let mut other = None;
    for (key, _) in &open {
        let offset = decode_offset(key)?;
        if offset != first && other.is_none() {
            other = Some(offset);
        }
    }
    let producer = if end.next.id == end.writer.id { end.next } else { end.writer };
    let how = PartitionEnd { producer, verdict: end.verdict, first, open: other };
    let EndedPartition { head, marker, aborted } = end_in_partition(head, how, end.now);
    tx.set(&head_key(partition), &encode_head(&head));
    tx.set(&extents::extent_key(partition, marker.offsets.end), &extents::encode(&marker));
    tx.clear(&open_key(partition, first));
    if let Some(aborted) = aborted {
        tx.set(&aborted_key(partition, aborted.last), &encode_aborted(aborted, head.stable));
    }
    Ok(Some(PartitionTransactionEnd { partition, marker, stable: head.stable, aborted }))
}
