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
