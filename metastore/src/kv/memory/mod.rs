//! The engine in memory: the reference for the others' behaviour, and with [`Faults`] the metastore of simulations. Nothing
//! in it waits but by `tokio::time`, so that under paused time and one seed every run is the same.

mod attempt;
mod dice;
mod faults;
mod storage;

use std::sync::Arc;

pub use faults::{FaultSwitch, Faults};

use self::{attempt::FaultyAttempt, dice::Dice, storage::MemoryStorage};
use super::{Attempt, Engine, Metrics, embedded::Embedded};

/// The engine in memory, as one process reaches it.
pub struct MemoryEngine {
    engine: Arc<Embedded<MemoryStorage>>,
    dice: Arc<Dice>,
}

impl MemoryEngine {
    /// An empty store that fails as `faults` say.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        let engine = Embedded::new(MemoryStorage::default()).expect("memory has no way to fail");
        Self { engine: Arc::new(engine), dice: Arc::new(Dice::new(faults)) }
    }

    /// The same rows as another process reaches them, with faults of its own.
    #[must_use]
    pub fn elsewhere(&self, faults: Faults) -> Self {
        Self { engine: self.engine.clone(), dice: Arc::new(Dice::new(faults)) }
    }

    /// Changes the faults while the engine is in use.
    #[must_use]
    pub fn fault_switch(&self) -> FaultSwitch {
        self.dice.switch().clone()
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new(Faults::none())
    }
}

impl Engine for MemoryEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(FaultyAttempt::new(self.engine.begin(), self.dice.clone()))
    }

    fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }
}
