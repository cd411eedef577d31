//! Faults that a distributed store has and memory has not, from a seed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::sleep;

use crate::{
    ambient::{Entropy, SeededEntropy},
    kv::{Attempt, Engine, Error, Isolation, Metrics, Mutation, Range, Watch},
};

/// Which faults to inject, and how often. Rates are in thousandths; the default injects none.
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
    /// Upper bound of the delay before each read and each commit (virtual under paused time); none where zero.
    pub latency_max: Duration,
}

impl Faults {
    /// No fault at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

/// An engine that fails more often than the one within.
pub(super) struct Faulty<E> {
    engine: E,
    dice: Arc<Dice>,
}

struct Dice {
    faults: Faults,
    entropy: SeededEntropy,
}

impl Dice {
    fn hits(&self, per_mille: u16) -> bool {
        per_mille > 0 && self.entropy.next_u64() % 1_000 < u64::from(per_mille)
    }

    async fn wait(&self) {
        let bound_ns = u64::try_from(self.faults.latency_max.as_nanos()).unwrap_or(u64::MAX);
        if bound_ns > 0 {
            sleep(Duration::from_nanos(self.entropy.next_u64() % bound_ns)).await;
        }
    }

    async fn before_read(&self) -> Result<(), Error> {
        self.wait().await;
        if self.hits(self.faults.too_old_per_mille) { Err(Error::TooOld) } else { Ok(()) }
    }
}

impl<E: Engine> Faulty<E> {
    pub fn new(engine: E, faults: Faults) -> Self {
        let entropy = SeededEntropy::new(faults.seed);
        Self { engine, dice: Arc::new(Dice { faults, entropy }) }
    }
}

impl<E: Engine> Engine for Faulty<E> {
    fn begin(&self) -> Arc<dyn Attempt> {
        let attempt = self.engine.begin();
        Arc::new(FaultyAttempt { attempt, dice: self.dice.clone(), has_writes: AtomicBool::new(false) })
    }

    fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }
}

struct FaultyAttempt {
    attempt: Arc<dyn Attempt>,
    dice: Arc<Dice>,
    has_writes: AtomicBool,
}

#[async_trait]
impl Attempt for FaultyAttempt {
    async fn get(&self, key: &[u8], isolation: Isolation) -> Result<Option<Bytes>, Error> {
        self.dice.before_read().await?;
        self.attempt.get(key, isolation).await
    }

    async fn range(&self, query: &Range) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.dice.before_read().await?;
        self.attempt.range(query).await
    }

    fn write(&self, mutation: Mutation) {
        self.has_writes.store(true, Ordering::Release);
        self.attempt.write(mutation);
    }

    fn watch(&self, key: &[u8]) -> Watch {
        self.attempt.watch(key)
    }

    async fn commit(&self) -> Result<(), Error> {
        if !self.has_writes.load(Ordering::Acquire) {
            return self.attempt.commit().await;
        }
        self.dice.wait().await;
        let faults = &self.dice.faults;
        if self.dice.hits(faults.conflict_per_mille) {
            return Err(Error::Conflict);
        }
        if !self.dice.hits(faults.unknown_per_mille) {
            return self.attempt.commit().await;
        }
        if self.dice.hits(500) {
            self.attempt.commit().await?;
        }
        Err(Error::UnknownResult)
    }
}
