//! Chance, from one seed: everything that is drawn in a run is drawn from a [`SimRng`] that follows from it.

use std::time::Duration;

use alluvium_runtime::{Rng, SeededRng};

/// A reproducible source of decisions. One owner each: draws of concurrent tasks do not disturb each other.
#[derive(Debug)]
pub struct SimRng(SeededRng);

impl SimRng {
    /// The decisions of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// Decisions of their own for another owner.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::new(self.seed())
    }

    /// A seed for another source.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.next_u64()
    }

    /// Below `bound`; 0 where that is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// Between `from` and `to`, both included.
    #[must_use]
    pub fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// The same as an index or a count.
    #[must_use]
    pub fn count(&self, from: usize, to: usize) -> usize {
        usize::try_from(self.between(from as u64, to as u64)).unwrap_or(from)
    }

    /// Yes in `per_mille` of a thousand cases.
    #[must_use]
    pub fn chance(&self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of `things`.
    #[must_use]
    pub fn pick<'a, T>(&self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.count(0, things.len().saturating_sub(1)))
    }

    /// One of `values`, which are never none.
    #[must_use]
    pub fn choose<T: Copy>(&self, values: &[T]) -> T {
        *self.pick(values).expect("there is something to choose from")
    }

    /// A time between `from` and `to`, short ones more often: each decade is as likely as any other.
    #[must_use]
    pub fn time(&self, from: Duration, to: Duration) -> Duration {
        let (low, high) = (from.as_secs_f64().max(1e-6), to.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a share between 0 and 1 needs no more")]
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        Duration::from_secs_f64(low * (high / low).max(1.0).powf(share)).clamp(from, to)
    }
}
