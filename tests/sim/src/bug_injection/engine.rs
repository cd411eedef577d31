//! A key-value engine with a bug.

use std::sync::{Arc, Mutex};

use alluvium_metastore::kv::{Attempt, Engine, MemoryEngine, Metrics};

use super::{Bug, attempt::BuggyAttempt, rows::Rows};

/// The metastore's storage as one process sees it, with a bug.
pub struct BuggyEngine {
    engine: MemoryEngine,
    bug: Bug,
    rows: Arc<Mutex<Rows>>,
}

impl BuggyEngine {
    /// Adds `bug` to `engine`.
    #[must_use]
    pub fn new(engine: MemoryEngine, bug: Bug) -> Self {
        Self { engine, bug, rows: Arc::default() }
    }
}

impl Engine for BuggyEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(BuggyAttempt::new(self.engine.begin(), self.bug, self.rows.clone()))
    }

    fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }
}
