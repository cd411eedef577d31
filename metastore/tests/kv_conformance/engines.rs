//! The engines under test, each empty.

use std::{sync::Arc, time::Duration};

use alluvium_fdb_server::{FdbServer, unique_prefix};
use alluvium_metastore::kv::{
    Attempt, Db, Engine, FdbEngine, FdbOptions, Isolation, KvFaults, MemoryEngine, Mutation, RedbEngine,
};
use alluvium_runtime::SeededRng;
use bytes::Bytes;
use tempfile::TempDir;

/// Longer than any engine takes to fire a watch, in virtual time.
const VIRTUAL_TIMEOUT: Duration = Duration::from_secs(60);
/// The same in real time: shorter, because a test waits all of it for what must not happen.
const REAL_TIMEOUT: Duration = Duration::from_secs(1);

/// One engine under test.
pub struct Subject {
    pub engine: Arc<dyn Engine>,
    pub injects_faults: bool,
    /// How long a test waits for what must not happen.
    pub negative_timeout: Duration,
    _directory: Option<TempDir>,
}

impl From<MemoryEngine> for Subject {
    fn from(engine: MemoryEngine) -> Self {
        Self { engine: Arc::new(engine), injects_faults: false, negative_timeout: VIRTUAL_TIMEOUT, _directory: None }
    }
}

pub async fn memory() -> Subject {
    MemoryEngine::default().into()
}

pub async fn memory_with_latency() -> Subject {
    MemoryEngine::new(KvFaults { seed: 7, latency_max: Duration::from_millis(2), ..KvFaults::none() }).into()
}

pub async fn memory_with_faults() -> Subject {
    let faults = KvFaults {
        seed: 11,
        conflict_per_mille: 100,
        unknown_per_mille: 200,
        too_old_per_mille: 30,
        latency_max: Duration::from_millis(5),
        ..KvFaults::none()
    };
    Subject { injects_faults: true, ..MemoryEngine::new(faults).into() }
}

pub async fn redb() -> Subject {
    let directory = TempDir::new().expect("a temporary directory");
    let engine = RedbEngine::open(directory.path()).expect("a new store opens");
    Subject {
        engine: Arc::new(engine),
        injects_faults: false,
        negative_timeout: VIRTUAL_TIMEOUT,
        _directory: Some(directory),
    }
}

pub async fn fdb() -> Subject {
    let options = FdbOptions {
        cluster_file: Some(FdbServer::shared().cluster_file()),
        prefix: unique_prefix().into_bytes(),
        library: None,
    };
    let engine = FdbEngine::open(options).await.expect("a fresh server answers");
    Subject { engine: Arc::new(engine), injects_faults: false, negative_timeout: REAL_TIMEOUT, _directory: None }
}

impl Subject {
    pub fn begin(&self) -> Arc<dyn Attempt> {
        self.engine.begin()
    }

    pub fn db(&self) -> Db {
        Db::new(self.engine.clone(), Arc::new(SeededRng::new(3)))
    }

    /// Commits `key` = `value`.
    pub async fn put(&self, key: &str, value: &str) {
        let attempt = self.begin();
        attempt.write(set(key, value));
        attempt.commit().await.unwrap();
    }

    /// What a new attempt reads.
    pub async fn read(&self, key: &str) -> Option<String> {
        get(&self.begin(), key).await
    }
}

pub async fn get(attempt: &Arc<dyn Attempt>, key: &str) -> Option<String> {
    attempt.get(key.as_bytes(), Isolation::Serializable).await.unwrap().map(text)
}

pub fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn set(key: &str, value: &str) -> Mutation {
    Mutation::Set { key: bytes(key), value: bytes(value) }
}

pub fn clear(key: &str) -> Mutation {
    Mutation::Clear { key: bytes(key) }
}

pub fn clear_range(begin: &str, end: &str) -> Mutation {
    Mutation::ClearRange { begin: bytes(begin), end: bytes(end) }
}

pub fn add(key: &str, delta: i64) -> Mutation {
    Mutation::Add { key: bytes(key), delta }
}

pub fn stamped(prefix: &str, suffix: &str, value: &str) -> Mutation {
    Mutation::SetStamped { prefix: bytes(prefix), suffix: bytes(suffix), value: bytes(value) }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
