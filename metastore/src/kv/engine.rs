//! The storage interface: what an ordered transactional key-value store must do, shaped like FoundationDB's client.
//!
//! Owns: the two traits and their guarantees. Does not own: retries (`Db`), what rows mean (the metastore's concepts).
//!
//! Every engine guarantees, as the conformance suite shows:
//! - an attempt reads one consistent snapshot, taken at its first read, plus its own writes so far;
//! - a commit succeeds only if nothing that the attempt read (except by snapshot reads) was written after that
//!   snapshot, so transactions are strictly serializable, in the order of their versionstamps;
//! - a successful commit is durable, and visible to every attempt that begins after it;
//! - exceeding one of [`super::limits`] is an error at the commit or earlier; nothing is ever truncated.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Error, Metrics, PendingObject, Range, Watch, pending_object::all_durable};
use std::sync::Arc;

/// An ordered transactional key-value store.
pub trait Engine: Send + Sync + 'static {
    /// Starts an attempt. Cheap: the read version is fetched by the first read.
    fn begin(&self) -> Arc<dyn Attempt>;

    /// Counters of what was done through this engine so far.
    fn metrics(&self) -> &Metrics;

    /// Whether [`Attempt::commit_beside`] works while objects are being written, instead of waiting for them.
    fn takes_pending_objects(&self) -> bool {
        false
    }
}

/// One attempt at a transaction: read, write, commit once. Dropping it without a commit leaves no trace.
#[async_trait]
pub trait Attempt: Send + Sync + 'static {
    /// The value of `key`. Adds a read conflict unless `isolation` is [`Isolation::Snapshot`].
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error>;

    /// The rows of `query`, in its order. Adds a read conflict over the range that was read: up to the last row
    /// returned if the limit ended the read, otherwise all of it.
    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error>;

    /// The version of the snapshot that this attempt reads: at least that in the first eight bytes of the versionstamp
    /// of every commit that was answered before the attempt's first read. Adds no conflict.
    async fn read_version(&self) -> Result<u64, Error>;

    /// Adds a write. If it exceeds a limit, every later call fails, the commit included.
    fn write(&self, mutation: Mutation);

    /// A future that resolves once the value of `key` differs from what this attempt sees; armed by the commit. If the
    /// attempt has read nothing before, the value that it compares with may be as late as the commit.
    fn watch(&self, key: &[u8]) -> Watch;

    /// Makes all writes durable, or fails and writes none. An attempt without writes always succeeds, at no cost. If a
    /// read of the attempt failed, the commit may fail with the same error.
    async fn commit(&self) -> Result<(), Error>;

    /// As [`Self::commit`], and fails unless all of `objects` become durable. It is answered, and visible, only once
    /// they are.
    async fn commit_beside(&self, objects: Vec<PendingObject>) -> Result<(), Error> {
        all_durable(objects).await?;
        self.commit().await
    }
}

/// Whether a read is checked for conflicts at the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Checked: the transaction is not committed if what was read has changed.
    Serializable,
    /// Not checked.
    Snapshot,
}

/// One write of an attempt. They take effect in the order in which they were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Sets `key` to `value`.
    Set {
        /// The key to write.
        key: Bytes,
        /// Its new value.
        value: Bytes,
    },
    /// Removes `key`.
    Clear {
        /// The key to remove.
        key: Bytes,
    },
    /// Removes all keys with `begin <= key < end`; none if `begin >= end`.
    ClearRange {
        /// First key to remove, inclusive.
        begin: Bytes,
        /// End of the range, exclusive.
        end: Bytes,
    },
    /// Adds `delta`, wrapping, to the value of `key`, read as a little-endian number of eight bytes (a longer value is
    /// cut, a shorter or missing one filled with zeros).
    Add {
        /// The key of the number.
        key: Bytes,
        /// What is added to it.
        delta: i64,
    },
    /// Sets the key made of `prefix`, the ten bytes of the transaction's versionstamp and `suffix` to `value`.
    SetStamped {
        /// The key before the versionstamp.
        prefix: Bytes,
        /// The key after the versionstamp.
        suffix: Bytes,
        /// The key's value.
        value: Bytes,
    },
}

impl Mutation {
    /// Bytes of its keys and its value: what it counts towards a transaction's size.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Set { key, value } => key.len() + value.len(),
            Self::Clear { key } => key.len(),
            Self::ClearRange { begin, end } => begin.len() + end.len(),
            Self::Add { key, delta: _ } => key.len() + size_of::<i64>(),
            Self::SetStamped { prefix, suffix, value } => prefix.len() + STAMP_BYTES + suffix.len() + value.len(),
        }
    }
}

/// Bytes of a versionstamp: the commit version (8, big-endian), then the order within its batch (2, big-endian).
pub const STAMP_BYTES: usize = 10;
