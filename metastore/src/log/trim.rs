//! The trim as transactions, one for each step.

use std::time::Duration;

use alluvium_model::{
    Offset, Timestamp, TopicPartition,
    limits::TRIM_STEP_EXTENTS,
    log::{Head, trim::trim_step},
};

use super::{Log, TrimError, key::head_key, row::encode_head, service::read_head};
use crate::{
    extents,
    feed::{self, FeedEntry},
    kv::Tx,
    leases::{self, Lease},
    objects::{Retire, release_references},
};

impl Log {
    /// Moves the log start up to `start`, and unlinks the extents that lie below it, in bounded steps. Does nothing if
    /// the log starts there already. Returns the head afterwards.
    pub async fn trim(
        &self,
        partition: TopicPartition,
        start: Offset,
        now: Timestamp,
        grace: Duration,
    ) -> Result<Head, TrimError> {
        self.trim_by(None, partition, start, Retire { now, grace }).await
    }

    /// As [`Self::trim`], for retention: only as long as `lease`, on its role, is held.
    pub async fn retain(
        &self,
        lease: &Lease,
        partition: TopicPartition,
        start: Offset,
        now: Timestamp,
        grace: Duration,
    ) -> Result<Head, TrimError> {
        self.trim_by(Some(lease), partition, start, Retire { now, grace }).await
    }

    async fn trim_by(
        &self,
        lease: Option<&Lease>,
        partition: TopicPartition,
        start: Offset,
        retire: Retire,
    ) -> Result<Head, TrimError> {
        loop {
            let step = self.db.run("log.trim", |tx| async move {
                if let Some(lease) = lease {
                    leases::check(&tx, lease).await?;
                }
                step(&tx, partition, start, retire).await
            });
            if let (head, true) = step.await? {
                return Ok(head);
            }
        }
    }
}

/// One step. Returns the head after it, and whether the log start is at `start` or later.
async fn step(tx: &Tx, partition: TopicPartition, start: Offset, retire: Retire) -> Result<(Head, bool), TrimError> {
    let head = read_head(tx, partition).await?.ok_or(TrimError::UnknownPartition(partition))?;
    if start > head.next {
        return Err(TrimError::OutOfRange { requested: start, next: head.next });
    }
    if start <= head.start {
        return Ok((head, true));
    }
    let rows = tx.range(extents::all(partition).limit(TRIM_STEP_EXTENTS + 1)).await?;
    let oldest = extents::decode_rows(&rows)?;
    let trimmed = trim_step(head, start, &oldest, TRIM_STEP_EXTENTS);
    let unlinked = oldest.get(..trimmed.unlinked).unwrap_or_default();
    release_references(tx, unlinked, retire).await?;
    for (key, _) in rows.iter().take(trimmed.unlinked) {
        tx.clear(key);
    }
    tx.set(&head_key(partition), &encode_head(&trimmed.head));
    feed::append(tx, retire.now, FeedEntry::Trim { partition, start: trimmed.head.start });
    Ok((trimmed.head, trimmed.done))
}
