//! The feed as transactions.

use std::time::Duration;

use alluvium_model::Timestamp;
use thiserror::Error;

use super::{FeedEntry, FeedPosition};
use crate::{
    keyspace::{Error, RowError},
    kv::{self, Db},
};

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
        unimplemented!()
    }

    /// At most `limit` entries after a position, in order, each with its own position.
    pub async fn read(
        &self,
        after: &FeedPosition,
        limit: usize,
    ) -> Result<Vec<(FeedPosition, FeedEntry)>, FeedError> {
        unimplemented!()
    }

    /// Waits until there is an entry after a position.
    pub async fn tip(&self, after: &FeedPosition) -> Result<(), FeedError> {
        unimplemented!()
    }

    /// One step of trimming: forgets at most `limit` entries older than `keep` (at least
    /// `limits::FEED_KEEP_MIN`), and the outcomes of commits that old; how many entries went.
    pub async fn trim(&self, now: Timestamp, keep: Duration, limit: usize) -> Result<usize, Error> {
        unimplemented!()
    }
}
