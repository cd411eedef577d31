//! The feed as transactions.

use std::time::Duration;

use alluvium_model::{Timestamp, limits};
use bytes::Bytes;
use thiserror::Error;

use super::{FeedEntry, FeedPosition, entry_row, trim};
use crate::{
    keyspace::{Error, Key, RowError, Tag},
    kv::{self, Db, Range, Tx, key_after, prefix_end},
    leases::{self, CheckError, Lease},
};

/// Entries of one read: at most 90 kB each.
const READ_MAX: usize = 256;

/// What changed lately.
#[derive(Clone)]
pub struct Feed {
    db: Db,
}

/// Why the feed cannot be read from a position.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FeedError {
    /// Entries after the position were trimmed away: read everything again and go on from [`Feed::position`].
    #[error("lagged behind the feed")]
    Lagged,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

impl From<kv::Error> for FeedError {
    fn from(error: kv::Error) -> Self {
        Self::Metastore(error.into())
    }
}

impl From<RowError> for FeedError {
    fn from(error: RowError) -> Self {
        Self::Metastore(error.into())
    }
}

impl Feed {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The position of the newest entry.
    pub async fn position(&self) -> Result<FeedPosition, Error> {
        self.db.read("feed.position", |tx| async move { position(&tx).await }).await
    }

    /// At most `limit` entries (and 256) after a position, in order, each with its own position.
    pub async fn read(&self, after: &FeedPosition, limit: usize) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
        let limit = limit.min(READ_MAX);
        self.db.read("feed.read", |tx| async move { read(&tx, after, limit).await }).await
    }

    /// The same, once there is an entry: one transaction from the news of it to the entry.
    pub async fn next(&self, after: &FeedPosition, limit: usize) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
        let limit = limit.clamp(1, READ_MAX);
        loop {
            let read = self.db.read("feed.next", |tx| async move {
                let entries = read(&tx, after, limit).await?;
                let watch = entries.is_empty().then(|| tx.watch(&Key::new(Tag::FEED_TIP).bytes()));
                Ok::<_, FeedError>((entries, watch))
            });
            match read.await? {
                (entries, None) => return Ok(entries),
                (_, Some(watch)) => watch.await?,
            }
        }
    }

    /// Forgets at most `limit` entries older than `keep` (at least [`limits::FEED_KEEP_MIN`]), oldest first, and the
    /// outcomes of commits that old, as long as `lease` is held; how many entries went. Fewer than `limit`: no more are
    /// that old.
    pub async fn trim(&self, lease: &Lease, now: Timestamp, keep: Duration, limit: usize) -> Result<usize, CheckError> {
        let cutoff = now.minus(keep.max(limits::FEED_KEEP_MIN));
        let mut trimmed = 0;
        while trimmed < limit {
            let page = READ_MAX.min(limit - trimmed);
            let step = self.db.run("feed.trim", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok::<_, CheckError>(trim::step(&tx, cutoff, page).await?)
            });
            let went = step.await?;
            trimmed += went;
            if went < page {
                break;
            }
        }
        Ok(trimmed)
    }
}

/// All rows after a position.
fn later(position: &FeedPosition) -> Range {
    Range::new(key_after(&entry_row::key(position)), prefix_end(&Key::new(Tag::FEED).bytes()))
}

async fn position(tx: &Tx) -> Result<FeedPosition, Error> {
    let newest = tx.range(Range::prefix(Key::new(Tag::FEED).bytes()).reverse().limit(1)).await?;
    match newest.first() {
        Some((key, _)) => Ok(entry_row::decode_key(key)?),
        None => trim::trimmed(tx).await,
    }
}

async fn read(tx: &Tx, after: &FeedPosition, limit: usize) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
    // Both at once: the feed is read at every commit, and each round trip is one that consumers wait.
    let (trimmed, rows) = futures::future::join(trim::trimmed(tx), tx.range(later(after).limit(limit))).await;
    if *after < trimmed? {
        return Err(FeedError::Lagged);
    }
    let rows = rows?;
    let entry = |(key, row): &(Bytes, Bytes)| Ok((entry_row::decode_key(key)?, entry_row::decode(row)?.1));
    rows.iter().map(entry).collect()
}
