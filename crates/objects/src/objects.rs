//! The handle of a store: its write and check operations. Reads are in `read.rs`, deletions in `delete.rs`, listings in
//! `listing.rs` and `walk.rs`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::health::Health;
use crate::local_store::NameFirst;
use crate::payload::merge_small_parts;
use crate::suspension::Suspension;
use crate::usage::count;
use crate::{Error, ErrorKind, ObjectsConfig, Operation, RetryPolicy, Usage};

/// Objects under one prefix of one store. Clones share connections, limits and counters.
#[derive(Clone)]
pub struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Empty, or ends with a slash.
    prefix: Arc<str>,
    pub(crate) config: Arc<ObjectsConfig>,
    pub(crate) usage: Arc<Usage>,
    pub(crate) health: Arc<Health>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) suspension: Arc<Suspension>,
}

/// Limits of concurrency, and the state of the jitter of waits.
pub(crate) struct Slots {
    puts: Semaphore,
    pub(crate) gets: Semaphore,
    pub(crate) others: Semaphore,
    pub(crate) jitter: AtomicU64,
}

impl Slots {
    fn of(config: &ObjectsConfig) -> Self {
        Self {
            puts: Semaphore::new(config.puts_in_flight_max),
            gets: Semaphore::new(config.gets_in_flight_max),
            others: Semaphore::new(config.others_in_flight_max),
            jitter: AtomicU64::new(config.seed),
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("store", &self.store.to_string()).field("prefix", &self.prefix).finish()
    }
}

impl Objects {
    /// The objects of `store` under `prefix` (slashes at its ends do not matter).
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str, config: ObjectsConfig) -> Self {
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let slots = Slots::of(&config);
        Self {
            store,
            prefix: prefix.into(),
            config: Arc::new(config),
            usage: Arc::default(),
            health: Arc::default(),
            slots: Arc::new(slots),
            suspension: Arc::default(),
        }
    }

    /// Objects in memory, gone with the process.
    #[must_use]
    pub fn memory(config: ObjectsConfig) -> Self {
        Self::new(Arc::new(InMemory::new()), "", config)
    }

    /// The same objects with another retry policy.
    #[must_use]
    pub fn with_retry(&self, retry: RetryPolicy) -> Self {
        let config = ObjectsConfig { retry, ..ObjectsConfig::clone(&self.config) };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same store for probes ([`Self::probe`]) of up to `timeout` per request: each is tried once, waits behind no
    /// other operation, and is never suspended.
    #[must_use]
    pub fn prober(&self, timeout: Duration) -> Self {
        let retry = RetryPolicy { tries: 1, try_timeout: timeout, deadline: timeout, ..self.config.retry.clone() };
        let config = ObjectsConfig { retry, ..ObjectsConfig::clone(&self.config) };
        let (slots, suspension) = (Arc::new(Slots::of(&config)), Arc::default());
        Self { config: Arc::new(config), slots, suspension, ..self.clone() }
    }

    /// While suspended, all operations but those of probers fail at once, with an error of the kind
    /// [`ErrorKind::Suspended`].
    pub fn suspend(&self, is_suspended: bool) {
        self.suspension.set(is_suspended);
    }

    /// PUTs in flight at most, of all who share this.
    #[must_use]
    pub fn puts_in_flight_max(&self) -> usize {
        self.config.puts_in_flight_max
    }

    /// Counters of the requests so far.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Why the last write or the last read failed; `None` if both have succeeded since. Errors that concern a single
    /// object do not count.
    #[must_use]
    pub fn last_failure(&self) -> Option<Error> {
        self.health.last_failure()
    }

    /// How long writes or reads have waited or failed without any being answered; `None` if neither do.
    #[must_use]
    pub fn unanswered_for(&self) -> Option<Duration> {
        self.health.unanswered_for()
    }

    /// Writes the concatenation of `parts` as the object at `key`, and replaces an existing object.
    pub async fn put(&self, key: &str, parts: Vec<Bytes>) -> Result<(), Error> {
        self.put_with(key, parts, PutOptions::default()).await
    }

    /// As [`Self::put`], for an object whose key nobody uses before this has returned: in a directory it is written
    /// with one wait for the disk, and `written` is notified before that wait, when there is room for it. What is there
    /// already, by another try of the same put, stays. A reader who
    /// lists it meanwhile may find it incomplete after a power cut; so may one who reads it after this has failed.
    pub async fn put_name_first(&self, key: &str, parts: Vec<Bytes>, written: &Arc<Notify>) -> Result<(), Error> {
        let mut options = PutOptions::default();
        options.extensions.insert(NameFirst(Arc::clone(written)));
        self.put_with(key, parts, options).await
    }

    async fn put_with(&self, key: &str, parts: Vec<Bytes>, options: PutOptions) -> Result<(), Error> {
        let path = self.path(Operation::Put, key)?;
        let payload = merge_small_parts(parts);
        let bytes = payload.content_length() as u64;
        self.with_retries(Operation::Put, key, &self.slots.puts, bytes, || async {
            count(&self.usage.puts, 1);
            let put = self.store.put_opts(&path, payload.clone(), options.clone()).await;
            put.map_err(|error| Error::from_store(Operation::Put, key, &error))
        })
        .await?;
        count(&self.usage.put_bytes, bytes);
        Ok(())
    }

    /// Writes `parts` as the object at `key` unless the object exists. Returns whether it was written. The one
    /// conditional write; tried once, because after a lost response a second try could not distinguish its own object
    /// from another's.
    pub async fn create(&self, key: &str, parts: Vec<Bytes>) -> Result<bool, Error> {
        let path = self.path(Operation::Put, key)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        count(&self.usage.puts, 1);
        let put = self.store.put_opts(&path, merge_small_parts(parts), options);
        match timeout(self.config.retry.try_timeout, put).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })) => Ok(false),
            Ok(Err(error)) => Err(Error::from_store(Operation::Put, key, &error)),
            Err(_) => Err(Error::new(ErrorKind::Timeout, Operation::Put, key, "no response")),
        }
    }

    /// The size of the object at `key`, in bytes.
    pub async fn head(&self, key: &str) -> Result<u64, Error> {
        let path = self.path(Operation::Get, key)?;
        self.with_retries(Operation::Get, key, &self.slots.gets, 0, || async {
            count(&self.usage.gets, 1);
            let head = self.store.head(&path).await;
            head.map(|found| found.size).map_err(|error| Error::from_store(Operation::Get, key, &error))
        })
        .await
    }

    /// Writes, reads and deletes a small object, to check that the store exists, can be reached, and grants access.
    pub async fn check(&self) -> Result<(), Error> {
        self.probe(format!("probe/{:016x}", self.config.seed)).await
    }

    /// As [`Self::check`], with an object at `key`. It is left behind if the process or the store fails half-way.
    pub async fn probe(&self, key: String) -> Result<(), Error> {
        let content = Bytes::from_static(b"alluvium probe");
        self.put(&key, vec![content.clone()]).await?;
        let read = self.get(&key).await;
        let deleted = self.delete(std::slice::from_ref(&key)).await;
        if read? != content {
            let reason = "the probe was read back with other bytes";
            return Err(Error::new(ErrorKind::Corrupt, Operation::Get, &key, reason));
        }
        deleted
    }

    /// The path of the object at `key` in the store.
    pub(crate) fn path(&self, operation: Operation, key: &str) -> Result<Path, Error> {
        let invalid = |reason: String| Error::new(ErrorKind::Invalid, operation, key, reason);
        if key.is_empty() || key.starts_with('/') || key.ends_with('/') {
            return Err(invalid("a key is not empty, and has no slash at either end".to_owned()));
        }
        Path::parse(format!("{}{key}", self.prefix)).map_err(|error| invalid(error.to_string()))
    }

    /// The path of our prefix; `None` is the whole store.
    pub(crate) fn root(&self) -> Option<Path> {
        (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_ref()))
    }

    /// The key of the object at `path`; `None` if it is outside our prefix.
    pub(crate) fn key<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.as_ref().strip_prefix(self.prefix.as_ref())
    }
}
