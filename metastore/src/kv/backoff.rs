//! How long to wait before the next attempt: bounded, growing, jittered.

use std::time::Duration;

use super::{
    Error,
    limits::{RETRY_DELAY_MAX, RETRY_DELAY_MIN, RETRY_DELAY_UNAVAILABLE_MAX},
};

/// The delay before attempt `attempt` (the second is 1), after the one before failed by `error`: uniform between nothing
/// and a bound that doubles up to [`RETRY_DELAY_MAX`], so that those who collided once do not collide again. Where the store
/// is in trouble, up to [`RETRY_DELAY_UNAVAILABLE_MAX`].
pub(super) fn delay(error: &Error, attempt: u32, random: u64) -> Duration {
    let longest = match error {
        Error::Unavailable(_) => RETRY_DELAY_UNAVAILABLE_MAX,
        _ => RETRY_DELAY_MAX,
    };
    let doublings = attempt.saturating_sub(1).min(16);
    let bound = RETRY_DELAY_MIN.saturating_mul(1 << doublings).min(longest);
    let bound_ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % (bound_ns + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_their_bound() {
        let conflict = |attempt, random| delay(&Error::Conflict, attempt, random);
        assert_eq!(conflict(1, 1_000_000), RETRY_DELAY_MIN);
        assert_eq!(conflict(2, 2_000_000), Duration::from_millis(2));
        for attempt in [6, 100, u32::MAX] {
            assert_eq!(conflict(attempt, 20_000_000), RETRY_DELAY_MAX);
            assert!(conflict(attempt, u64::MAX) <= RETRY_DELAY_MAX);
        }
    }

    #[test]
    fn a_store_in_trouble_is_left_alone_for_longer() {
        let unavailable = |attempt, random| delay(&Error::Unavailable(String::new()), attempt, random);
        assert_eq!(unavailable(1, 1_000_000), RETRY_DELAY_MIN);
        assert_eq!(unavailable(100, 250_000_000), RETRY_DELAY_UNAVAILABLE_MAX);
        assert!(unavailable(100, u64::MAX) <= RETRY_DELAY_UNAVAILABLE_MAX);
    }
}
