//! An engine with a bug.

use std::sync::{Arc, Mutex};

use alluvium_metastore::kv::{Attempt, Engine, MemoryEngine, Metrics};

use super::{Breakage, attempt::BrokenAttempt, rows::Rows};

/// The metastore's store as one process reaches it, with a bug.
pub struct BrokenEngine {
    engine: MemoryEngine,
    breakage: Breakage,
    rows: Arc<Mutex<Rows>>,
}

impl BrokenEngine {
    /// `engine`, broken.
    #[must_use]
    pub fn new(engine: MemoryEngine, breakage: Breakage) -> Self {
        Self { engine, breakage, rows: Arc::default() }
    }
}

impl Engine for BrokenEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(BrokenAttempt::new(self.engine.begin(), self.breakage, self.rows.clone()))
    }

    fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }
}
