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
        MemberKey, MemberRows, aborted_key, decode_member_key, decode_offset, decode_partition, encode_aborted,
        members_of, open_in, open_key,
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
    /// What belongs to a transaction that ends, as `rows` say if they have been read.
    pub(super) async fn read(tx: &Tx, end: EndingTransaction, rows: Option<MemberRows>) -> Result<Self, Error> {
        let EndingTransaction { writer, verdict, .. } = end;
        let rows = match rows {
            Some(rows) => rows,
            None => tx.range(members_of(writer.id)).await?,
        };
        let (mut partitions, mut groups) = (Vec::with_capacity(rows.len()), Vec::new());
        for (key, row) in &rows {
            match decode_member_key(key)? {
                MemberKey::Partition(partition) => {
                    partitions.extend(decode_partition(row)?.map(|first| (partition, first)));
                }
                MemberKey::Group(group) => groups.push(group),
                MemberKey::Count | MemberKey::Begun(_) => {}
            }
        }
        let groups = groups.into_iter().map(async |group| {
            let offsets = pending_offsets::counting(tx, &group, writer.id, verdict).await?;
            Ok::<_, Error>((group, offsets))
        });
        Ok(Self { partitions, groups: try_join_all(groups).await? })
    }

    /// Offsets that its end commits.
    pub(super) fn offsets(&self) -> usize {
        self.groups.iter().map(|(_, offsets)| offsets.len()).sum()
    }
}

/// Ends transactions at `now`, in this order; their states are left to the caller. Must be called at most once in a
/// transaction.
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
