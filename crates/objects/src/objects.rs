//! The handle: what can be asked of a store.

use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use crate::gather::gather;
use crate::health::Health;
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
}

/// What bounds concurrency, and what makes waits differ.
pub(crate) struct Slots {
    puts: Semaphore,
    pub(crate) gets: Semaphore,
    pub(crate) others: Semaphore,
    pub(crate) jitter: AtomicU64,
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
        let slots = Slots {
            puts: Semaphore::new(config.puts_in_flight_max),
            gets: Semaphore::new(config.gets_in_flight_max),
            others: Semaphore::new(config.others_in_flight_max),
            jitter: AtomicU64::new(config.seed),
        };
        Self {
            store,
            prefix: prefix.into(),
            config: Arc::new(config),
            usage: Arc::default(),
            health: Arc::default(),
            slots: Arc::new(slots),
        }
    }

    /// Objects in memory, for tests.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Arc::new(InMemory::new()), "", ObjectsConfig::default())
    }

    /// The same objects, tried again by another policy.
    #[must_use]
    pub fn with_retry(&self, retry: RetryPolicy) -> Self {
        let config = ObjectsConfig { retry, ..ObjectsConfig::clone(&self.config) };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// What was asked of the store so far.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Writes `parts`, one after another, as the object at `key`; replaces what was there.
    pub async fn put(&self, key: &str, parts: Vec<Bytes>) -> Result<(), Error> {
        let path = self.path(Operation::Put, key)?;
        let payload = gather(parts);
        let bytes = payload.content_length() as u64;
        self.retried(Operation::Put, key, &self.slots.puts, bytes, || async {
            count(&self.usage.puts, 1);
            let put = self.store.put(&path, payload.clone()).await;
            put.map_err(|error| Error::from_store(Operation::Put, key, &error))
        })
        .await?;
        count(&self.usage.put_bytes, bytes);
        Ok(())
    }

    /// The size of the object at `key`, in bytes.
    pub async fn head(&self, key: &str) -> Result<u64, Error> {
        let path = self.path(Operation::Get, key)?;
        self.retried(Operation::Get, key, &self.slots.gets, 0, || async {
            count(&self.usage.gets, 1);
            let head = self.store.head(&path).await;
            head.map(|found| found.size).map_err(|error| Error::from_store(Operation::Get, key, &error))
        })
        .await
    }

    /// Deletes the objects at `keys`. Those that are not there count as deleted; on an error some may be left.
    pub async fn delete(&self, keys: &[String]) -> Result<(), Error> {
        let Some(first) = keys.first() else { return Ok(()) };
        let paths = keys.iter().map(|key| self.path(Operation::Delete, key)).collect::<Result<Vec<_>, _>>()?;
        self.retried(Operation::Delete, first, &self.slots.others, 0, || async {
            let absent_is_fine = |result: Result<Path, object_store::Error>| {
                let result = result.map(|_| ()).map_err(|error| Error::from_store(Operation::Delete, first, &error));
                ready(result.or_else(|error| if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) }))
            };
            let requests = stream::iter(paths.clone()).map(Ok).boxed();
            self.store.delete_stream(requests).then(absent_is_fine).try_collect::<()>().await
        })
        .await?;
        count(&self.usage.deletes, keys.len() as u64);
        Ok(())
    }

    /// Writes, reads and deletes a small object: whether the store exists, can be reached, and lets us in.
    pub async fn check(&self) -> Result<(), Error> {
        let key = format!("probe/{:016x}", self.config.seed);
        let content = Bytes::from_static(b"alluvium probe");
        self.put(&key, vec![content.clone()]).await?;
        if self.get(&key).await? != content {
            return Err(Error::new(ErrorKind::Corrupt, Operation::Get, &key, "the probe came back changed"));
        }
        self.delete(&[key]).await
    }

    /// Where the object at `key` lies in the store.
    pub(crate) fn path(&self, operation: Operation, key: &str) -> Result<Path, Error> {
        let invalid = |reason: String| Error::new(ErrorKind::Invalid, operation, key, reason);
        if key.is_empty() || key.starts_with('/') || key.ends_with('/') {
            return Err(invalid("a key is not empty, and has no slash at either end".to_owned()));
        }
        Path::parse(format!("{}{key}", self.prefix)).map_err(|error| invalid(error.to_string()))
    }

    /// Where everything of ours lies; `None` is the whole store.
    pub(crate) fn root(&self) -> Option<Path> {
        (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_ref()))
    }

    /// The key of the object at `path`; `None` where it lies outside our prefix.
    pub(crate) fn key<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.as_ref().strip_prefix(self.prefix.as_ref())
    }
}
