//! The faults of a distributed store, injected into the one in memory: which, how often, and how to change them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Which faults to inject, and how often. Rates are in thousandths; the default injects none.
#[derive(Clone, Debug, Default)]
pub struct KvFaults {
    /// Reproduces the whole sequence of faults; used when the engine is made.
    pub seed: u64,
    /// Rate of commits that fail with a conflict although there is none.
    pub conflict_per_mille: u16,
    /// Rate of commits whose result is unknown; half of them are committed.
    pub unknown_per_mille: u16,
    /// Rate of reads that fail as too old, among the first 16 of each attempt.
    pub too_old_per_mille: u16,
    /// Upper bound of the delay before each read, before each commit and before its answer (virtual under paused time);
    /// zero for no delay. A commit under way is done even if nobody waits for it any more, as in a remote store.
    pub latency_max: Duration,
    /// Cuts the process off from the store: reads and commits wait, and fail after a timeout.
    pub cut: bool,
    /// Rate of commits that are answered as committed, and lost. No store may do that: it shows that checkers can fail.
    pub lost_per_mille: u16,
}

impl KvFaults {
    /// No fault at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

/// Changes the faults of an engine in use. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FaultSwitch(Arc<Mutex<KvFaults>>);

impl FaultSwitch {
    pub(super) fn new(faults: KvFaults) -> Self {
        Self(Arc::new(Mutex::new(faults)))
    }

    /// Uses `faults` from now on. Their seed is ignored: the sequence goes on.
    pub fn set(&self, faults: KvFaults) {
        *self.faults() = faults;
    }

    /// Cuts the process off from the store, or reconnects it.
    pub fn cut(&self, cut: bool) {
        self.faults().cut = cut;
    }

    pub(super) fn current(&self) -> KvFaults {
        self.faults().clone()
    }

    fn faults(&self) -> MutexGuard<'_, KvFaults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
