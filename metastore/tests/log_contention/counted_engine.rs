//! An engine with counters of its own, to tell one user of a store from another.

use std::sync::Arc;

use alluvium_metastore::kv::{Attempt, Engine, Metrics};

pub struct CountedEngine {
    engine: Arc<dyn Engine>,
    metrics: Metrics,
}

impl CountedEngine {
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, metrics: Metrics::default() }
    }
}

impl Engine for CountedEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        self.engine.begin()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
