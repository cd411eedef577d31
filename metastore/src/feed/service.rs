//! The feed as transactions.

use std::time::Duration;

use alluvium_model::{Timestamp, limits};
use bytes::Bytes;
use thiserror::Error;

use super::{
    entry::{FeedEntry, FeedPosition},
    entry_row,
    key::{all_entries, decode_entry_key, end_key, entries_after},
    trim,
};
use crate::{
    keyspace::{Error, from_store},
    kv::{self, Db, Tx},
    leases::{self, CheckError, Lease},
};

/// Entries of one read: at most 90 kB each.
const READ_MAX: usize = 256;

/// The feed of recent changes. Clones share the store.
#[derive(Clone)]
pub struct Feed {
    db: Db,
}

/// Why the feed cannot be read from a position.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FeedError {
    /// Entries after the position were trimmed: read the state itself again and continue from [`Feed::position`].
    #[error("entries of the feed after this position were trimmed")]
    Lagged,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(FeedError);

impl Feed {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// The position of the newest entry, even if that was trimmed.
    pub async fn position(&self) -> Result<FeedPosition, Error> {
        self.db.read("feed.position", |tx| async move { position(&tx).await }).await
    }

    /// Checks that the store is not behind its own feed: then new entries would come before old ones, and readers would
    /// miss them.
    pub(crate) async fn check_versions(&self) -> Result<(), Error> {
        self.db
            .read("feed.check_versions", |tx| async move {
                let newest = position(&tx).await?;
                check_version(&tx, &newest).await
            })
            .await
    }

    /// The entries after a position, in order, each with its own position: at most `limit`, and at most 256. An error
    /// if the store is behind that position.
    pub async fn read(&self, after: &FeedPosition, limit: usize) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
        let limit = limit.min(READ_MAX);
        self.db.read("feed.read", |tx| async move { read(&tx, after, limit).await }).await
    }

    /// As [`Self::read`], but waits until there is an entry: one transaction after the watch fires.
    pub async fn next(&self, after: &FeedPosition, limit: usize) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
        let limit = limit.clamp(1, READ_MAX);
        loop {
            let read = self.db.read("feed.next", |tx| async move {
                let entries = read(&tx, after, limit).await?;
                let watch = entries.is_empty().then(|| tx.watch(&end_key()));
                Ok::<_, FeedError>((entries, watch))
            });
            match read.await? {
                (entries, None) => return Ok(entries),
                (_, Some(watch)) => watch.await?,
            }
        }
    }

    /// Removes at most `limit` entries older than `keep` (or [`limits::FEED_KEEP_MIN`] if that is longer), oldest
    /// first, and the outcomes of commits that old, as long as `lease` is held. Returns the number of entries removed;
    /// if it is less than `limit`, no more of them are that old.
    pub async fn trim(&self, lease: &Lease, now: Timestamp, keep: Duration, limit: usize) -> Result<usize, CheckError> {
        let cutoff = now.minus(keep.max(limits::FEED_KEEP_MIN));
        let mut trimmed = 0;
        while trimmed < limit {
            let page = READ_MAX.min(limit - trimmed);
            let step = self.db.run("feed.trim", |tx| async move {
                leases::check(&tx, lease).await?;
                Ok::<_, CheckError>(trim::step(&tx, cutoff, page).await?)
            });
            let removed = step.await?;
            trimmed += removed;
            if removed < page {
                break;
            }
        }
        Ok(trimmed)
    }
}

async fn position(tx: &Tx) -> Result<FeedPosition, Error> {
    let newest = tx.range(all_entries().reverse().limit(1)).await?;
    match newest.first() {
        Some((key, _)) => Ok(decode_entry_key(key)?),
        None => trim::trimmed(tx).await,
    }
}

/// An error if the store is behind `position`, at which an entry was read.
async fn check_version(tx: &Tx, position: &FeedPosition) -> Result<(), Error> {
    let (store, found) = (tx.read_version().await?, position.version());
    if found > store { Err(kv::Error::VersionsWentBack { found, store }.into()) } else { Ok(()) }
}

async fn read(tx: &Tx, after: &FeedPosition, limit: usize) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
    // All reads at once: the feed is read after every commit, and consumers wait for each round trip.
    let rows = tx.range(entries_after(after).limit(limit));
    let (trimmed, rows, checked) = futures::future::join3(trim::trimmed(tx), rows, check_version(tx, after)).await;
    checked?;
    if *after < trimmed? {
        return Err(FeedError::Lagged);
    }
    let rows = rows?;
    let entry = |(key, row): &(Bytes, Bytes)| Ok((decode_entry_key(key)?, entry_row::decode(row)?.1));
    rows.iter().map(entry).collect()
}
