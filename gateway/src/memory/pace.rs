//! How fast a client must take an answer while others wait for the memory that the answer holds. Pure.

use std::time::Duration;

/// While others wait for memory, an answer must be taken at this rate: a consumer on any line that is usable takes
/// more, and one that takes less gets no answer within its own request timeout (8 MiB within Kafka's 30 s is 280
/// KiB/s).
pub const CONTENDED_BYTES_PER_SECOND_MIN: u32 = 64 << 10;

/// How a client takes an answer.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes that it has taken.
    pub taken: usize,
    /// The time that it has had.
    pub took: Duration,
    /// The time since it last took any byte.
    pub paused: Duration,
}

impl Pace {
    /// Whether the client is too slow, if others wait: it has paused for longer than `grace`, or takes too little after
    /// the `grace` that it has at first.
    #[must_use]
    pub fn is_too_slow(self, grace: Duration) -> bool {
        let fair = grace + Duration::from_secs(self.taken as u64) / CONTENDED_BYTES_PER_SECOND_MIN;
        self.paused > grace || self.took > fair
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_the_grace_and_then_the_time_that_its_bytes_take_at_the_least_rate() {
        let grace = Duration::from_secs(10);
        let pace = |taken, took| Pace { taken, took, paused: Duration::ZERO };
        assert!(!pace(0, grace).is_too_slow(grace));
        assert!(pace(0, grace + Duration::from_millis(1)).is_too_slow(grace));
        let second_of_bytes = CONTENDED_BYTES_PER_SECOND_MIN as usize;
        assert!(!pace(5 * second_of_bytes, grace + Duration::from_secs(5)).is_too_slow(grace));
        assert!(pace(5 * second_of_bytes, grace + Duration::from_secs(6)).is_too_slow(grace));
    }

    #[test]
    fn a_client_that_pauses_for_longer_than_the_grace_is_too_slow_however_much_it_took_before() {
        let grace = Duration::from_secs(10);
        let pace = |paused| Pace { taken: 1 << 30, took: Duration::from_secs(30), paused };
        assert!(!pace(grace).is_too_slow(grace));
        assert!(pace(grace + Duration::from_millis(1)).is_too_slow(grace));
    }
}
