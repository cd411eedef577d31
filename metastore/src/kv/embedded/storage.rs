//! What an embedded engine needs of a store: a snapshot, a row, a range, a durable batch.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::kv::{Error, engine::STAMP_BYTES};

/// A commit's place in the order of all commits; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::kv) struct Version(pub u64);

impl Version {
    /// The versionstamp of the transaction numbered `order` in the batch of this version:
    ///
    /// ```text
    /// | version, big-endian: 8 | order, big-endian: 2 |
    /// ```
    pub fn stamp(self, order: u16) -> [u8; STAMP_BYTES] {
        let mut stamp = [0; STAMP_BYTES];
        stamp[..8].copy_from_slice(&self.0.to_be_bytes());
        stamp[8..].copy_from_slice(&order.to_be_bytes());
        stamp
    }

    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A durable ordered map that applies batches one after the other.
pub(in crate::kv) trait Storage: Send + 'static {
    type Snapshot: Snapshot;

    /// Whether `apply` and `recover` wait for a disk, and so must not run on an async thread.
    const BLOCKS: bool;

    /// All that was applied so far.
    fn snapshot(&mut self) -> Result<Self::Snapshot, Error>;

    /// Applies all of `batch` or nothing; durable when it returns. After an error `recover` comes before anything else, and
    /// the version found then tells which of the two it was.
    fn apply(&mut self, batch: &Batch) -> Result<(), Error>;

    /// Bytes that it takes on a disk; `None` where there is none, or it does not tell.
    fn disk_bytes(&self) -> Option<u64>;

    /// Makes the store usable again after an error, where that is possible now.
    fn recover(&mut self) -> Result<(), Error>;
}

/// One version of a store, for as long as it is held.
pub(in crate::kv) trait Snapshot: Send + Sync + 'static {
    /// Of the last batch in it.
    fn version(&self) -> Version;

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// The rows with `begin <= key < end`, from the end down if `reverse`. None where `begin >= end`.
    fn range(&self, begin: &[u8], end: &[u8], reverse: bool) -> Result<Rows<'_>, Error>;
}

/// Rows read one by one.
pub(in crate::kv) type Rows<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), Error>> + 'a>;

/// What one version changes: first `cleared`, then `rows`; the version itself is stored with them.
#[derive(Debug, Default)]
pub(in crate::kv) struct Batch {
    pub version: Version,
    /// Disjoint ranges (begin inclusive, end exclusive).
    pub cleared: Vec<(Bytes, Bytes)>,
    /// New values; `None` where the key is no more.
    pub rows: BTreeMap<Bytes, Option<Bytes>>,
}
