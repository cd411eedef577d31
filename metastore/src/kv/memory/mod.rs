//! The engine in memory.
use std::{sync::Arc, time::Duration};

use super::{Attempt, Engine, Metrics};

/// Which faults to inject, and how often. Rates are in thousandths of attempts; the default injects none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Reproduces the whole sequence of faults.
    pub seed: u64,
    /// Commits that fail with a conflict that was none.
    pub conflict_per_mille: u16,
    /// Commits whose result is unknown, half of them committed.
    pub unknown_per_mille: u16,
    /// Reads that fail as too old.
    pub too_old_per_mille: u16,
    /// Upper bound of the delay before each read and commit (virtual under paused time); none where zero.
    pub latency_max: Duration,
}

impl Faults {
    /// No fault at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

/// The engine in memory.
pub struct MemoryEngine {
    metrics: Metrics,
}

impl MemoryEngine {
    /// An empty store that fails as `faults` say.
    #[must_use]
    pub fn new(_faults: Faults) -> Self {
        Self { metrics: Metrics::default() }
    }
}

impl Engine for MemoryEngine {
    fn begin(&self) -> Arc<dyn Attempt> {
        unimplemented!("within minutes")
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
