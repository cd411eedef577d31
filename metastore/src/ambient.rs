//! Time and randomness, handed in: nothing in the system asks the machine for either except through these two traits, so
//! that a simulation can own both.
//!
//! Owns: the traits, the real implementations and the reproducible ones. Does not own: waiting (`tokio::time`, virtual
//! under paused time) and monotonic intervals (`tokio::time::Instant`).

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use alluvium_model::Timestamp;
use uuid::Uuid;

/// The wall clock.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch. May go backwards, as wall clocks do.
    fn now(&self) -> Timestamp;
}

/// A source of random numbers.
pub trait Entropy: Send + Sync + 'static {
    /// The next number, uniform over all of `u64`.
    fn next_u64(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Makes it show `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Release);
    }

    /// Moves it `ms` milliseconds on.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Acquire))
    }
}

/// The operating system's randomness: fit for ids and secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next_u64(&self) -> u64 {
        getrandom::u64().expect("an operating system that runs this program has randomness")
    }
}

/// A reproducible stream of numbers (splitmix64): the same seed gives the same stream. Not for secrets.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

/// The increment of splitmix64: odd, so that the state visits every number once.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Entropy for SeededEntropy {
    fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(GOLDEN_GAMMA, Ordering::AcqRel).wrapping_add(GOLDEN_GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A random (version 4) UUID.
#[must_use]
pub fn uuid_v4(entropy: &dyn Entropy) -> Uuid {
    let random = (u128::from(entropy.next_u64()) << 64) | u128::from(entropy.next_u64());
    uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_seed_another() {
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            (0..8).map(|_| entropy.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        // The published first output of splitmix64 for seed 0: the stream never changes under a stored seed.
        assert_eq!(draw(0)[0], 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp(100));
        assert_eq!((clock.now(), clock.now()), (Timestamp(100), Timestamp(100)));
        clock.advance_ms(5);
        assert_eq!(clock.now(), Timestamp(105));
        clock.set(Timestamp(3));
        assert_eq!(clock.now(), Timestamp(3));
    }

    #[test]
    fn the_system_clock_and_entropy_are_alive() {
        assert!(SystemClock.now() > Timestamp(1_700_000_000_000));
        assert_ne!(SystemEntropy.next_u64(), SystemEntropy.next_u64());
    }

    #[test]
    fn a_uuid_is_of_version_four_and_reproducible() {
        let id = uuid_v4(&SeededEntropy::new(1));
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(id, uuid_v4(&SeededEntropy::new(1)));
        assert_ne!(id, uuid_v4(&SeededEntropy::new(2)));
    }
}
