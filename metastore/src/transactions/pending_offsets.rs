//! Offsets that a transaction commits for a group: they wait, beside the committed ones, for its end.

use std::collections::BTreeSet;

use alluvium_model::{
    ProducerId, Timestamp, TopicPartition,
    group::GroupId,
    limits::{TRANSACTION_GROUPS_MAX, TRANSACTION_OFFSETS_MAX},
    transaction::{TransactionError, TransactionVersion, TransactionalId, TransactionalProducer, Verdict, joined},
};

use futures::future::try_join_all;

use super::error::TransactionFailure;
use crate::{
    groups::{Fence, fence_under},
    keyspace::Error,
    kv::Tx,
    leases::Lease,
    log::read_head_to_change,
    offsets::{self, CommittedOffset},
    transaction_rows::{group_key, groups_of, read_to_join, save_joined},
};

/// Bytes of the metadata of all pending offsets of a transaction in a group: they are written by its end.
const METADATA_BYTES_MAX: usize = 100_000;

/// A group's offsets that are to be committed with a transaction.
#[derive(Clone, Copy, Debug)]
pub struct TransactionOffsets<'a> {
    /// The transactional id.
    pub id: &'a TransactionalId,
    /// Who asks.
    pub producer: TransactionalProducer,
    /// The rules that it follows: by those of version 1, the group was added before.
    pub version: TransactionVersion,
    /// The group.
    pub group: &'a GroupId,
    /// The offsets.
    pub offsets: &'a [(TopicPartition, CommittedOffset)],
}

/// Adds `pending` to the open transaction, if `fence`, under which they were admitted, is still stored, and `lease`, on
/// the group, is held.
pub(super) async fn add(
    tx: &Tx,
    lease: &Lease,
    fence: Fence,
    pending: TransactionOffsets<'_>,
    now: Timestamp,
) -> Result<(), TransactionFailure> {
    let TransactionOffsets { id, producer, version, group, offsets } = pending;
    if fence_under(tx, lease, group).await? != Some(fence) {
        return Err(TransactionFailure::GroupFenced);
    }
    let before = read_to_join(tx, id).await?;
    let key = group_key(producer.id, group);
    let is_new = tx.get(&key).await?.is_none();
    let state = joined(before.as_ref(), producer, u32::from(is_new), now)?;
    if is_new && version == TransactionVersion::V1 {
        return Err(TransactionError::InvalidState("the group was not added to the transaction").into());
    }
    check_groups(tx, producer.id, usize::from(is_new), state.members).await?;
    let rows = offsets::pending(tx, group, producer.id).await?;
    let known: BTreeSet<_> = rows.iter().map(|(partition, _)| *partition).collect();
    let added: BTreeSet<_> = offsets.iter().map(|(partition, _)| *partition).collect();
    let metadata = rows.iter().chain(offsets).map(|(_, row)| row.metadata.len()).sum::<usize>();
    if known.union(&added).count() > TRANSACTION_OFFSETS_MAX || metadata > METADATA_BYTES_MAX {
        return Err(TransactionError::TooLarge { members: state.members }.into());
    }
    for (partition, offset) in offsets {
        offsets::set_pending(tx, group, producer.id, *partition, offset);
    }
    if is_new {
        tx.set(&key, &[]);
    }
    if let Some(before) = before.filter(|before| *before != state) {
        save_joined(tx, &before, &state);
    }
    Ok(())
}

/// Refuses `added` more groups if the open transaction of `producer` would have too many.
pub(super) async fn check_groups(
    tx: &Tx,
    producer: ProducerId,
    added: usize,
    members: u32,
) -> Result<(), TransactionFailure> {
    if added == 0 {
        return Ok(());
    }
    let groups = tx.range(groups_of(producer).limit(TRANSACTION_GROUPS_MAX + 1)).await?.len();
    if groups + added > TRANSACTION_GROUPS_MAX {
        return Err(TransactionError::TooLarge { members }.into());
    }
    Ok(())
}

/// The offsets of `group` that are committed if the transaction of `producer` ends with `verdict`.
pub(super) async fn counting(
    tx: &Tx,
    group: &GroupId,
    producer: ProducerId,
    verdict: Verdict,
) -> Result<Vec<(TopicPartition, CommittedOffset)>, Error> {
    if verdict == Verdict::Abort {
        return Ok(Vec::new());
    }
    let rows = offsets::pending(tx, group, producer).await?;
    // Offsets in topics that were deleted meanwhile would never be purged. Others may write to them meanwhile.
    let heads = try_join_all(rows.iter().map(|(partition, _)| read_head_to_change(tx, *partition))).await?;
    Ok(rows.into_iter().zip(heads).filter_map(|(row, head)| head.map(|_| row)).collect())
}

/// Commits `offsets`, which [`counting`] has found, at the end of the transaction of `producer`, and drops what waited.
pub(super) fn end(
    tx: &Tx,
    group: &GroupId,
    producer: ProducerId,
    offsets: &[(TopicPartition, CommittedOffset)],
    now: Timestamp,
) {
    for (partition, offset) in offsets {
        offsets::set(tx, group, *partition, &CommittedOffset { committed: now, ..offset.clone() });
    }
    offsets::clear_pending(tx, group, producer);
}
