//! How long to wait before the next attempt: bounded, growing, jittered.

use std::time::Duration;

use super::limits::{RETRY_DELAY_MAX, RETRY_DELAY_MIN};

/// The delay before attempt `attempt` (the second is 1): uniform between nothing and a bound that doubles up to
/// [`RETRY_DELAY_MAX`], so that those who collided once do not collide again.
pub(super) fn delay(attempt: u32, random: u64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let bound = RETRY_DELAY_MIN.saturating_mul(1 << doublings).min(RETRY_DELAY_MAX);
    let bound_ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % (bound_ns + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_their_bound() {
        assert_eq!(delay(1, 1_000_000), RETRY_DELAY_MIN);
        assert_eq!(delay(2, 2_000_000), Duration::from_millis(2));
        for attempt in [6, 100, u32::MAX] {
            assert_eq!(delay(attempt, 20_000_000), RETRY_DELAY_MAX);
            assert!(delay(attempt, u64::MAX) <= RETRY_DELAY_MAX);
        }
    }
}
