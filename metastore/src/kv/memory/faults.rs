//! Faults that a distributed store has and memory has not: which, how often, and the switch that changes them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Which faults to inject, and how often. Rates are in thousandths; the default injects none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Reproduces the whole sequence of faults; taken when the engine is made.
    pub seed: u64,
    /// Commits that fail with a conflict that was none.
    pub conflict_per_mille: u16,
    /// Commits whose result is unknown, half of them committed.
    pub unknown_per_mille: u16,
    /// Reads that fail as too old.
    pub too_old_per_mille: u16,
    /// Upper bound of the delay before each read, before each commit and before its answer (virtual under paused time);
    /// none where zero. A commit under way is done though nobody waits for it any more, as in a store elsewhere.
    pub latency_max: Duration,
    /// Nothing gets through: reads and commits wait, and after a while fail.
    pub cut: bool,
    /// Commits that are answered as done, and lost. No store may do that: it shows that checkers can fail.
    pub lost_per_mille: u16,
}

impl Faults {
    /// No fault at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

/// Changes the faults of an engine in use. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FaultSwitch(Arc<Mutex<Faults>>);

impl FaultSwitch {
    pub(super) fn new(faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(faults)))
    }

    /// From now on these. Their seed goes unused: the sequence goes on.
    pub fn set(&self, faults: Faults) {
        *self.faults() = faults;
    }

    /// Cuts the process off, or lets it through again.
    pub fn cut(&self, cut: bool) {
        self.faults().cut = cut;
    }

    pub(super) fn current(&self) -> Faults {
        self.faults().clone()
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
