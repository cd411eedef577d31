//! One attempt at a transaction, as the metastore's concepts use it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures::future::try_join_all;

use super::{Attempt, Error, Isolation, Mutation, PendingObject, Range, Watch, limits::GETS_IN_FLIGHT_MAX};

/// One attempt at a transaction. Reads see the attempt's own earlier writes. Clones are the same attempt.
#[derive(Clone)]
pub struct Tx(Arc<TxState>);

struct TxState {
    attempt: Arc<dyn Attempt>,
    kind: Kind,
    maybe_committed: bool,
    rows_written: AtomicU64,
    bytes_written: AtomicU64,
    bytes_read: AtomicU64,
    watches: AtomicU64,
    /// The first retryable error of a read. The closure may have wrapped it in an error of its own.
    failure: Mutex<Option<Error>>,
    /// Objects that must be durable for the commit to succeed.
    objects: Mutex<Vec<PendingObject>>,
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ReadWrite,
    ReadOnly,
}

impl Tx {
    pub(super) fn new(attempt: Arc<dyn Attempt>, kind: Kind, maybe_committed: bool) -> Self {
        Self(Arc::new(TxState {
            attempt,
            kind,
            maybe_committed,
            rows_written: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            watches: AtomicU64::new(0),
            failure: Mutex::new(None),
            objects: Mutex::default(),
        }))
    }

    /// The value of `key`; adds a read conflict.
    pub async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let isolation = match self.0.kind {
            Kind::ReadWrite => Isolation::Serializable,
            Kind::ReadOnly => Isolation::Snapshot,
        };
        self.value(key, isolation).await
    }

    /// The value of `key`, without a read conflict.
    pub async fn get_snapshot(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.value(key, Isolation::Snapshot).await
    }

    async fn value(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        let value = self.remember_failure(self.0.attempt.get(key, isolation).await)?;
        self.count_read(key.len() + value.as_ref().map_or(0, Bytes::len));
        Ok(value)
    }

    /// The values of `keys`, in their order, read concurrently.
    pub async fn get_all(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(GETS_IN_FLIGHT_MAX) {
            values.extend(try_join_all(chunk.iter().map(|key| self.get(key))).await?);
        }
        Ok(values)
    }

    /// As [`Self::get_all`], without read conflicts.
    pub async fn get_all_snapshot(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, Error> {
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(GETS_IN_FLIGHT_MAX) {
            values.extend(try_join_all(chunk.iter().map(|key| self.get_snapshot(key))).await?);
        }
        Ok(values)
    }

    /// The rows of `query`, in its order.
    pub async fn range(&self, query: Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let snapshot = query.snapshot || self.0.kind == Kind::ReadOnly;
        let rows = self.remember_failure(self.0.attempt.range(&Range { snapshot, ..query }).await)?;
        self.count_read(rows.iter().map(|(key, value)| key.len() + value.len()).sum());
        Ok(rows)
    }

    /// The version of the store that this attempt reads: not less than the first eight bytes, big-endian, of any
    /// versionstamp in it, unless the store was restored with lower versions.
    pub async fn read_version(&self) -> Result<u64, Error> {
        self.remember_failure(self.0.attempt.read_version().await)
    }

    /// Sets `key` to `value`.
    pub fn set(&self, key: &[u8], value: &[u8]) {
        self.write(Mutation::Set { key: Bytes::copy_from_slice(key), value: Bytes::copy_from_slice(value) });
    }

    /// Clears `key`.
    pub fn clear(&self, key: &[u8]) {
        self.write(Mutation::Clear { key: Bytes::copy_from_slice(key) });
    }

    /// Clears all keys from `begin` (inclusive) to `end` (exclusive).
    pub fn clear_range(&self, begin: &[u8], end: &[u8]) {
        self.write(Mutation::ClearRange { begin: Bytes::copy_from_slice(begin), end: Bytes::copy_from_slice(end) });
    }

    /// Adds `delta` to the little-endian number of eight bytes in `key` (missing is 0; wraps), without a read conflict.
    pub fn add(&self, key: &[u8], delta: i64) {
        self.write(Mutation::Add { key: Bytes::copy_from_slice(key), delta });
    }

    /// Sets the key made of `prefix`, the ten bytes of this transaction's versionstamp and `suffix` to `value`.
    pub fn set_versionstamped_key(&self, prefix: &[u8], suffix: &[u8], value: &[u8]) {
        self.write(Mutation::SetStamped {
            prefix: Bytes::copy_from_slice(prefix),
            suffix: Bytes::copy_from_slice(suffix),
            value: Bytes::copy_from_slice(value),
        });
    }

    /// The commit of this transaction's writes fails unless `object` becomes durable. If the engine takes pending
    /// objects, both are written side by side.
    pub fn commit_beside(&self, object: PendingObject) {
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner).push(object);
    }

    /// A future that resolves once the value of `key` differs from what this attempt sees now; armed by the commit.
    pub fn watch(&self, key: &[u8]) -> Watch {
        self.0.watches.fetch_add(1, Ordering::Relaxed);
        self.0.attempt.watch(key)
    }

    /// Whether an earlier attempt of this run ended with an unknown result. If so, the closure must look for the row
    /// that shows that it was committed.
    #[must_use]
    pub fn is_maybe_committed(&self) -> bool {
        self.0.maybe_committed
    }

    fn write(&self, mutation: Mutation) {
        self.0.rows_written.fetch_add(1, Ordering::Relaxed);
        self.0.bytes_written.fetch_add(mutation.bytes() as u64, Ordering::Relaxed);
        self.0.attempt.write(mutation);
    }

    fn count_read(&self, bytes: usize) {
        self.0.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Keeps a retryable error for the run to retry by, whatever error the closure returns.
    fn remember_failure<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && error.is_retryable()
        {
            self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
        result
    }

    pub(super) fn failure(&self) -> Option<Error> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Rows and bytes written so far.
    pub(super) fn written(&self) -> (u64, u64) {
        (self.0.rows_written.load(Ordering::Relaxed), self.0.bytes_written.load(Ordering::Relaxed))
    }

    /// Bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.0.bytes_read.load(Ordering::Relaxed)
    }

    /// Commits if there are writes or watches; otherwise there is nothing to do.
    pub(super) async fn commit(&self) -> Result<(), Error> {
        let (rows, _) = self.written();
        match self.0.kind {
            Kind::ReadOnly if rows > 0 => Err(Error::ReadOnly),
            Kind::ReadWrite | Kind::ReadOnly if rows == 0 && self.0.watches.load(Ordering::Relaxed) == 0 => Ok(()),
            Kind::ReadWrite | Kind::ReadOnly => {
                let objects = std::mem::take(&mut *self.0.objects.lock().unwrap_or_else(PoisonError::into_inner));
                if objects.is_empty() {
                    self.0.attempt.commit().await
                } else {
                    self.0.attempt.commit_beside(objects).await
                }
            }
        }
    }
}
