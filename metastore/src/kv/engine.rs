//! The waist: what an ordered transactional key-value store must do for us, shaped like FoundationDB's client.
//!
//! Owns: the two traits and what they promise. Does not own: retries (`Db`), what rows mean (the concepts above).
//!
//! Promises of every engine, shown by the conformance suite:
//! - an attempt reads one consistent snapshot, taken at its first read, plus its own writes so far;
//! - a commit succeeds only if nothing that the attempt read (other than by snapshot) was written after that snapshot; so
//!   transactions are strictly serializable, in the order of their versionstamps;
//! - a successful commit is durable, and seen by every attempt that begins after it;
//! - the limits of [`super::limits`] are errors at the commit (or earlier), never a truncation.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Error, Metrics, Range, Watch};
use std::sync::Arc;

/// An ordered transactional key-value store.
pub trait Engine: Send + Sync + 'static {
    /// Starts an attempt. Cheap: what it costs to learn the read version is paid by the first read.
    fn begin(&self) -> Arc<dyn Attempt>;

    /// What was done through this engine so far.
    fn metrics(&self) -> &Metrics;
}

/// One attempt at a transaction: read, write, commit once. Dropping it without a commit leaves no trace.
#[async_trait]
pub trait Attempt: Send + Sync + 'static {
    /// The value of `key`. Adds a read conflict unless by [`Isolation::Snapshot`].
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error>;

    /// The rows of `query`, in its order. Adds a read conflict over what was looked at: up to the last row returned where
    /// the limit ended it, else all of it.
    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error>;

    /// Adds a write. One that breaks a limit fails all that follows, the commit above all.
    fn write(&self, mutation: Mutation);

    /// A future that resolves once the value of `key` differs from what this attempt sees; armed by the commit. Where
    /// nothing was read before, what it sees may be as late as the commit.
    fn watch(&self, key: &[u8]) -> Watch;

    /// Makes the writes durable, or fails without any. An attempt without writes always succeeds, at no cost. One of which a
    /// read failed may fail by the same error.
    async fn commit(&self) -> Result<(), Error>;
}

/// Whether a read takes part in conflict detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// It does: the transaction is not committed if what was read has changed.
    Serializable,
    /// It does not.
    Snapshot,
}

/// One write of an attempt. They take effect in the order in which they were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// `key` becomes `value`.
    Set { key: Bytes, value: Bytes },
    /// `key` is no more.
    Clear { key: Bytes },
    /// All keys with `begin <= key < end` are no more; nothing where `begin >= end`.
    ClearRange { begin: Bytes, end: Bytes },
    /// The value of `key`, read as a little-endian number of eight bytes (longer values cut, shorter or missing ones
    /// filled with zeros), grows by `delta`, wrapping.
    Add { key: Bytes, delta: i64 },
    /// The key `prefix`, then the ten bytes of the transaction's versionstamp, then `suffix` becomes `value`.
    SetStamped { prefix: Bytes, suffix: Bytes, value: Bytes },
}

impl Mutation {
    /// Bytes of its keys and its value.
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
