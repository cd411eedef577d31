//! Purging a deleted topic, a bounded step at a time. Nothing else writes its rows any more: it has no heads.

use alluvium_model::{Timestamp, TopicId, limits::TRIM_STEP_EXTENTS};

use crate::{
    extents,
    keyspace::Error,
    kv::{Range, Tx},
    leases::{self, CheckError, Lease},
    objects::release_references,
    offsets,
    producers::topic_windows,
    topics::{Topics, clear_deleted, read_deleted},
};

impl Topics {
    /// One step of purging a deleted topic, as long as `lease` is held: unlinks at most `limit` extents, then deletes
    /// the offsets that at most `limit` groups have committed. Returns true once nothing of the topic is left.
    pub async fn purge(&self, lease: &Lease, id: TopicId, limit: usize, now: Timestamp) -> Result<bool, CheckError> {
        let limit = limit.clamp(1, TRIM_STEP_EXTENTS);
        self.db
            .run("topics.purge", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok(step(&tx, id, limit, now).await?)
            })
            .await
    }
}

async fn step(tx: &Tx, id: TopicId, limit: usize, now: Timestamp) -> Result<bool, Error> {
    let Some(deleted) = read_deleted(tx, id).await? else { return Ok(true) };
    let rows = tx.range(Range::prefix(extents::topic_prefix(id)).limit(limit)).await?;
    release_references(tx, now, &extents::decode_rows(&rows)?);
    for (key, _) in &rows {
        tx.clear(key);
    }
    if rows.len() == limit || !offsets::purge_step(tx, id, limit).await? {
        return Ok(false);
    }
    let windows = topic_windows(id);
    tx.clear_range(&windows.begin, &windows.end);
    clear_deleted(tx, &deleted);
    Ok(true)
}
