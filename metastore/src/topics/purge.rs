//! Purging a deleted topic, a bounded step at a time. Nothing else touches its rows any more: it has no heads.

use std::time::Duration;

use alluvium_model::{Timestamp, TopicId, limits::TRIM_STEP_EXTENTS};

use super::{Topics, delete::read_deleted, topic_row};
use crate::{
    keyspace::Error,
    kv::{Range, Tx, prefix_end},
    leases::{self, CheckError, Lease},
    log::extent_row,
    objects::references::{self, Retire},
    offsets,
    producers::window_row,
};

impl Topics {
    /// One step of purging a deleted topic: unlinks at most `limit` extents, then forgets the offsets that at most `limit`
    /// groups committed; true once nothing of it is left. Only as long as `lease` is held.
    pub async fn purge(
        &self,
        lease: &Lease,
        id: TopicId,
        limit: usize,
        now: Timestamp,
        grace: Duration,
    ) -> Result<bool, CheckError> {
        let limit = limit.clamp(1, TRIM_STEP_EXTENTS);
        let retire = Retire { now, grace };
        self.db
            .run("topics.purge", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok(step(&tx, id, limit, retire).await?)
            })
            .await
    }
}

async fn step(tx: &Tx, id: TopicId, limit: usize, retire: Retire) -> Result<bool, Error> {
    let Some(deleted) = read_deleted(tx, id).await? else { return Ok(true) };
    let rows = tx.range(Range::prefix(extent_row::topic_prefix(id)).limit(limit)).await?;
    let extents = extent_row::decode_rows(&rows)?;
    references::release(tx, &extents, retire).await?;
    for (key, _) in &rows {
        tx.clear(key);
    }
    if rows.len() == limit || !offsets::purge_step(tx, id, limit).await? {
        return Ok(false);
    }
    let windows = window_row::topic_prefix(id);
    tx.clear_range(&windows, &prefix_end(&windows));
    tx.clear(&topic_row::due_key(deleted.due, id));
    tx.clear(&topic_row::deleted_key(id));
    Ok(true)
}
