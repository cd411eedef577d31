//! Random decisions from one seed: everything that is drawn in a run comes from a [`SimRng`] derived from it.

use std::time::Duration;

use alluvium_runtime::{Rng, SeededRng};

/// A reproducible source of decisions. Each task owns one, so that draws of concurrent tasks do not affect each other.
#[derive(Debug)]
pub struct SimRng(SeededRng);

impl SimRng {
    /// A source seeded with `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// An independent source for another owner, seeded from this one.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::new(self.seed())
    }

    /// Draws a seed for another source.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 if `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// A number between `from` and `to`, both included.
    #[must_use]
    pub fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// The same as [`Self::between`], for indices and counts.
    #[must_use]
    pub fn count(&self, from: usize, to: usize) -> usize {
        usize::try_from(self.between(from as u64, to as u64)).unwrap_or(from)
    }

    /// True in `per_mille` of a thousand cases.
    #[must_use]
    pub fn chance(&self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of `things`; `None` if there are none.
    #[must_use]
    pub fn pick<'a, T>(&self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.count(0, things.len().saturating_sub(1)))
    }

    /// One of `values`, which must not be empty.
    #[must_use]
    pub fn choose<T: Copy>(&self, values: &[T]) -> T {
        *self.pick(values).expect("there is something to choose from")
    }

    /// A time between `from` and `to`, log-uniform: each decade is as likely as any other, so short times are frequent.
    #[must_use]
    pub fn time(&self, from: Duration, to: Duration) -> Duration {
        let (low, high) = (from.as_secs_f64().max(1e-6), to.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a share between 0 and 1 needs no more")]
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        Duration::from_secs_f64(low * (high / low).max(1.0).powf(share)).clamp(from, to)
    }
}
