//! The end of a transaction: markers, stable offsets, the aborted index and group offsets, all in the transaction that
//! changes the state.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_model::{
    Offset, Timestamp, TopicPartition,
    group::GroupId,
    log::transaction_end::{EndedPartition, PartitionEnd, end_in_partition},
    transaction::{TransactionalProducer, Verdict},
};
use futures::future::{try_join, try_join_all};

use super::pending_offsets;
use crate::{
    extents,
    feed::{self, FeedEntry, PartitionTransactionEnd},
    keyspace::Error,
    kv::Tx,
    log::{encode_head, head_key, read_head},
    offsets::CommittedOffset,
    transaction_rows::{
        aborted_key, decode_group_key, decode_offset, decode_partition, decode_partition_key, encode_aborted,
        groups_of, open_in, open_key, partitions_of,
    },
};

/// An open transaction that ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndingTransaction {
    /// Who wrote it.
    pub writer: TransactionalProducer,
    /// Who may write from now on: markers carry its epoch, if its id is the same.
    pub next: TransactionalProducer,
    /// How it ends.
    pub verdict: Verdict,
}

/// What belongs to an open transaction.
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// The partitions to which it has written, each with the offset of its first record there.
    partitions: Vec<(TopicPartition, Offset)>,
    /// The groups whose offsets wait for its end, with those that count then.
    groups: Vec<(GroupId, Vec<(TopicPartition, CommittedOffset)>)>,
}

impl Members {
    /// What belongs to a transaction that ends.
    pub(super) async fn read(tx: &Tx, end: EndingTransaction) -> Result<Self, Error> {
        let EndingTransaction { writer, verdict, .. } = end;
        let (partitions, groups) = try_join(tx.range(partitions_of(writer.id)), tx.range(groups_of(writer.id))).await?;
        let mut written = Vec::with_capacity(partitions.len());
        for (key, row) in &partitions {
            if let Some(first) = decode_partition(row)? {
                written.push((decode_partition_key(key)?, first));
            }
        }
        let groups = groups.iter().map(async |(key, _)| {
            let group = decode_group_key(key)?;
            let offsets = pending_offsets::counting(tx, &group, writer.id, verdict).await?;
            Ok::<_, Error>((group, offsets))
        });
        Ok(Self { partitions: written, groups: try_join_all(groups).await? })
    }

    /// Offsets that its end commits.
    pub(super) fn offsets(&self) -> usize {
        self.groups.iter().map(|(_, offsets)| offsets.len()).sum()
    }
}

/// Ends transactions at `now`, in this order. Must be called at most once in a transaction.
pub(super) async fn end_all(tx: &Tx, ending: &[(EndingTransaction, Members)], now: Timestamp) -> Result<(), Error> {
    let mut ends: BTreeMap<TopicPartition, Vec<(EndingTransaction, Offset)>> = BTreeMap::new();
    for (end, members) in ending {
        for (partition, first) in &members.partitions {
            ends.entry(*partition).or_default().push((*end, *first));
        }
    }
    let ended = try_join_all(ends.iter().map(|(partition, ends)| end_partition(tx, *partition, ends, now))).await?;
    for (end, members) in ending {
        for (group, offsets) in &members.groups {
            pending_offsets::end(tx, group, end.writer.id, offsets, now);
        }
        for range in [partitions_of(end.writer.id), groups_of(end.writer.id)] {
            tx.clear_range(&range.begin, &range.end);
        }
    }
    let ended = ended.concat();
    if !ended.is_empty() {
        feed::append(tx, now, FeedEntry::TransactionEnd { partitions: ended });
    }
    Ok(())
}

/// Ends transactions in a partition, each of which has written to it from an offset on; nothing if the partition was
/// deleted meanwhile.
async fn end_partition(
    tx: &Tx,
    partition: TopicPartition,
    ends: &[(EndingTransaction, Offset)],
    now: Timestamp,
) -> Result<Vec<PartitionTransactionEnd>, Error> {
    // Those that end, and the first of the others.
    let open = async { tx.range(open_in(partition).limit(ends.len() + 1)).await.map_err(Error::from) };
    let (head, open) = try_join(read_head(tx, partition), open).await?;
    let Some(mut head) = head else { return Ok(Vec::new()) };
    let mut open = open.iter().map(|(key, _)| decode_offset(key)).collect::<Result<BTreeSet<_>, _>>()?;
    let mut ended = Vec::with_capacity(ends.len());
    for (end, first) in ends {
        open.remove(first);
        let producer = if end.next.id == end.writer.id { end.next } else { end.writer };
        let how = PartitionEnd { producer, verdict: end.verdict, first: *first, open: open.first().copied() };
        let EndedPartition { head: after, marker, aborted } = end_in_partition(head, how, now);
        head = after;
        tx.set(&extents::extent_key(partition, marker.offsets.end), &extents::encode(&marker));
        tx.clear(&open_key(partition, *first));
        if let Some(aborted) = aborted {
            tx.set(&aborted_key(partition, aborted.last), &encode_aborted(aborted, head.stable));
        }
        ended.push(PartitionTransactionEnd { partition, marker, stable: head.stable, aborted });
    }
    tx.set(&head_key(partition), &encode_head(&head));
    Ok(ended)
}
