//! The engine in memory: the reference for the others' behaviour, and with [`Faults`] the metastore of simulations. Nothing
//! in it waits but by `tokio::time`, so that under paused time and one seed every run is the same.

mod faults;
mod storage;

use std::sync::Arc;

pub use faults::Faults;

use self::{faults::Faulty, storage::MemoryStorage};
use super::{Attempt, Engine, Metrics, embedded::Embedded};

/// The engine in memory.
pub struct MemoryEngine(Faulty<Embedded<MemoryStorage>>);

impl MemoryEngine {
    /// An empty store that fails as `faults` say.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        let engine = Embedded::new(MemoryStorage::default()).expect("memory has no way to fail");
        Self(Faulty::new(engine, faults))
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new(Faults::none())
    }
}

impl Engine for MemoryEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        self.0.begin()
    }

    fn metrics(&self) -> &Metrics {
        self.0.metrics()
    }
}
