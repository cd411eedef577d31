//! What an embedded engine needs of a store: snapshots to read rows and ranges from, and durable batches.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::kv::{Error, ObjectName, engine::STAMP_BYTES};

/// The number of a durable batch in the order of all batches; the first is 1.
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

    /// The version after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A durable ordered map that applies batches one after the other.
pub(in crate::kv) trait Storage: Send + 'static {
    /// One version of this store.
    type Snapshot: Snapshot;

    /// Whether `apply` and `recover` wait for a disk, and so must not run on an async thread.
    const BLOCKS: bool;

    /// The current version of the store.
    fn snapshot(&mut self) -> Result<Self::Snapshot, Error>;

    /// Applies all of `batch` or nothing; durable when it returns. After an error `recover` must be called before
    /// anything else; the version found then shows whether the batch was applied.
    fn apply(&mut self, batch: &Batch) -> Result<(), Error>;

    /// Whether a batch may be in doubt. If so, `recover` decides about the last one.
    fn takes_in_doubt(&self) -> bool {
        false
    }

    /// The last batch is not in doubt any more. Called before the store is closed; may do nothing.
    fn confirm(&mut self) {}

    /// All objects of the last batch are durable: `recover` keeps it, whatever becomes of them later.
    fn trust(&mut self) {}

    /// From now on `recover` undoes the last batch if that is in doubt, whatever there is of its objects.
    fn distrust(&mut self) {}

    /// Bytes that the store takes on its disk; `None` if it has no disk or the size cannot be read.
    fn disk_bytes(&self) -> Option<u64>;

    /// Makes the store usable again after an error; fails if the cause persists.
    fn recover(&mut self) -> Result<(), Error>;
}

/// One version of a store, for as long as it is held.
pub(in crate::kv) trait Snapshot: Send + Sync + 'static {
    /// The version of the last batch in this snapshot.
    fn version(&self) -> Version;

    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// The rows with `begin <= key < end`, in descending order if `reverse`. No rows if `begin >= end`.
    fn range(&self, begin: &[u8], end: &[u8], reverse: bool) -> Result<Rows<'_>, Error>;
}

/// Rows read one by one.
pub(in crate::kv) type Rows<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), Error>> + 'a>;

/// The changes of one version: first `cleared`, then `rows`. The version itself is stored with them.
#[derive(Debug, Default)]
pub(in crate::kv) struct Batch {
    /// The version that the store has after this batch.
    pub version: Version,
    /// Ranges to clear: disjoint, begin inclusive, end exclusive.
    pub cleared: Vec<(Bytes, Bytes)>,
    /// New values; `None` removes the key.
    pub rows: BTreeMap<Bytes, Option<Bytes>>,
    /// What the batch depends on; `None` if it counts as soon as it is durable. It counts as well once a later batch is
    /// applied.
    pub in_doubt: Option<InDoubt>,
}

/// The objects that a batch needs, which may become durable after it, and what undoes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kv) struct InDoubt {
    /// The objects without which the batch is undone.
    pub objects: Vec<ObjectName>,
    /// All the rows that it writes, as they were before.
    pub undo: PreviousRows,
}

/// Keys with their values at some time; `None` if there was none.
pub(in crate::kv) type PreviousRows = Vec<(Bytes, Option<Bytes>)>;

impl InDoubt {
    /// The batch that undoes it.
    pub fn undoing(self, version: Version) -> Batch {
        Batch { version, rows: self.undo.into_iter().collect(), ..Batch::default() }
    }
}
