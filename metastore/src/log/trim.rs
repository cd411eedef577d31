//! The trim as transactions, one for each step.
//!
//! A trim reads and writes nothing that a commit writes: the extents that it unlinks end at or below its target, and
//! those of later commits lie above it. With swaps it conflicts through the log start and the extents that both change.

use alluvium_model::{
    Offset, Timestamp, TopicPartition,
    limits::TRIM_STEP_EXTENTS,
    log::{
        Head,
        trim::{TrimStep, trim_step},
    },
};

use super::{
    Log, TrimError,
    key::{removed_key, start_key},
    service::read_head_to_change,
    start_row::encode_start,
};
use crate::{
    extents,
    feed::{self, FeedEntry},
    kv::Tx,
    leases::{self, Lease},
    objects::release_references,
    transaction_rows::aborted_key,
};

impl Log {
    /// Moves the log start up to `start`, and unlinks the extents that lie below it, in bounded steps. Does nothing if
    /// the log starts there already. Returns the head afterwards.
    pub async fn trim(&self, partition: TopicPartition, start: Offset, now: Timestamp) -> Result<Head, TrimError> {
        self.trim_by(None, partition, start, now).await
    }

    /// As [`Self::trim`], for retention: only as long as `lease`, on its role, is held.
    pub async fn retain(
        &self,
        lease: &Lease,
        partition: TopicPartition,
        start: Offset,
        now: Timestamp,
    ) -> Result<Head, TrimError> {
        self.trim_by(Some(lease), partition, start, now).await
    }

    async fn trim_by(
        &self,
        lease: Option<&Lease>,
        partition: TopicPartition,
        start: Offset,
        now: Timestamp,
    ) -> Result<Head, TrimError> {
        loop {
            let step = self.db.run("log.trim", |tx| async move {
                if let Some(lease) = lease {
                    leases::check(&tx, lease).await?;
                }
                step(&tx, partition, start, now).await
            });
            if let (head, true) = step.await? {
                return Ok(head);
            }
        }
    }
}

/// One step. Returns the head after it, and whether the log start is at `target` or later.
async fn step(tx: &Tx, partition: TopicPartition, target: Offset, now: Timestamp) -> Result<(Head, bool), TrimError> {
    let head = read_head_to_change(tx, partition).await?.ok_or(TrimError::UnknownPartition(partition))?;
    if target > head.next {
        return Err(TrimError::OutOfRange { requested: target, next: head.next });
    }
    if target <= head.start {
        return Ok((head, true));
    }
    let rows = tx.range(extents::up_to(partition, target).limit(TRIM_STEP_EXTENTS)).await?;
    let oldest = extents::decode_rows(&rows)?;
    let TrimStep { start, removed, done } = trim_step(target, &oldest, TRIM_STEP_EXTENTS);
    if let Some(last) = oldest.last() {
        let unlinked = extents::up_to(partition, last.offsets.end);
        tx.clear_range(&unlinked.begin, &unlinked.end);
        tx.add(&removed_key(partition), removed.cast_signed());
        release_references(tx, now, &oldest);
    }
    // Of transactions aborted below the log start nothing is left to leave out.
    tx.clear_range(&aborted_key(partition, Offset(0)), &aborted_key(partition, start));
    tx.set(&start_key(partition), &encode_start(start));
    feed::append(tx, now, FeedEntry::Trim { partition, start });
    Ok((Head { start, ..head }, done))
}
