//! Random numbers, handed in: nothing else in the system uses the machine's randomness, so a simulation can replay
//! every draw from its seed.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// A source of random numbers.
pub trait Rng: Send + Sync + 'static {
    /// The next number, uniform over all of `u64`.
    fn next_u64(&self) -> u64;
}

/// The operating system's randomness: fit for ids and secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn next_u64(&self) -> u64 {
        getrandom::u64().expect("an operating system that runs this program has randomness")
    }
}

/// A reproducible stream of numbers (splitmix64): the same seed gives the same stream. Not for secrets.
#[derive(Debug)]
pub struct SeededRng(AtomicU64);

impl SeededRng {
    /// The stream that `seed` gives.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

/// The increment of splitmix64: odd, so that the state visits every number once.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng for SeededRng {
    fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(GOLDEN_GAMMA, Ordering::AcqRel).wrapping_add(GOLDEN_GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A random (version 4) UUID.
#[must_use]
pub fn uuid_v4(rng: &dyn Rng) -> Uuid {
    let random = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
    uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_seed_another() {
        let draw = |seed| {
            let rng = SeededRng::new(seed);
            (0..8).map(|_| rng.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        // The published first output of splitmix64 for seed 0: the stream never changes under a stored seed.
        assert_eq!(draw(0)[0], 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn the_system_rng_does_not_repeat_itself() {
        assert_ne!(SystemRng.next_u64(), SystemRng.next_u64());
    }

    #[test]
    fn a_uuid_is_of_version_four_and_reproducible() {
        let id = uuid_v4(&SeededRng::new(1));
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(id, uuid_v4(&SeededRng::new(1)));
        assert_ne!(id, uuid_v4(&SeededRng::new(2)));
    }
}
