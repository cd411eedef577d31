//! [`MemoryEngine`]: the embedded engine on a map, with injected faults.

use std::sync::Arc;

use super::{
    attempt::FaultyAttempt,
    fault_rng::FaultRng,
    faults::{FaultSwitch, KvFaults},
    storage::MemoryStorage,
};
use crate::kv::{Attempt, Engine, Metrics, embedded::Embedded};

/// The engine in memory, as one process reaches it: the rows may be shared, the faults are this process's own.
pub struct MemoryEngine {
    engine: Arc<Embedded<MemoryStorage>>,
    faults: Arc<FaultRng>,
}

impl MemoryEngine {
    /// An empty store with these `faults`.
    #[must_use]
    pub fn new(faults: KvFaults) -> Self {
        let engine = Embedded::new(MemoryStorage::default()).expect("a store in memory cannot fail");
        Self { engine: Arc::new(engine), faults: Arc::new(FaultRng::new(faults)) }
    }

    /// Another process's engine on the same rows, with faults of its own.
    #[must_use]
    pub fn for_other_process(&self, faults: KvFaults) -> Self {
        Self { engine: self.engine.clone(), faults: Arc::new(FaultRng::new(faults)) }
    }

    /// Changes the faults while the engine is in use.
    #[must_use]
    pub fn fault_switch(&self) -> FaultSwitch {
        self.faults.switch().clone()
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new(KvFaults::none())
    }
}

impl Engine for MemoryEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(FaultyAttempt::new(self.engine.begin(), self.faults.clone()))
    }

    fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use alluvium_runtime::SeededRng;

    use super::*;
    use crate::kv::{Db, Error};

    /// The attempts that fail before a transaction with `reads` reads is done, of which each may be too old.
    async fn retries(reads: usize) -> u64 {
        let faults = KvFaults { seed: 7, too_old_per_mille: 10, ..KvFaults::none() };
        let db = Db::new(Arc::new(MemoryEngine::new(faults)), Arc::new(SeededRng::new(1)));
        for _ in 0..100 {
            let keys = vec![b"a".to_vec(); reads];
            let all = db.read("many reads", |tx| {
                let keys = &keys;
                async move { tx.get_all(keys).await }
            });
            let values: Result<_, Error> = all.await;
            values.expect("it is tried again until it is done");
        }
        db.metrics().retries.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_become_too_old_whether_they_read_much_or_little() {
        let (few, many) = (retries(16).await, retries(2_000).await);
        assert!((5..50).contains(&few) && (5..50).contains(&many), "{few} and {many} retries of 100 transactions");
    }
}
