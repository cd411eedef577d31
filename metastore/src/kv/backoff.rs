//! How long to wait before the next attempt: bounded and jittered.

use std::time::Duration;

use super::{
    Error,
    limits::{RETRY_DELAY_MAX, RETRY_DELAY_MIN, RETRY_DELAY_UNAVAILABLE_MAX},
};

/// The delay before attempt `attempt` (the second is 1), after the one before failed by `error`: uniform between nothing
/// and a bound. After a conflict the bound is [`RETRY_DELAY_MAX`] at first, so that those who collided once do not collide
/// again, and the smaller the more often one has lost: who waits longest goes first, and newcomers do not overtake him for
/// ever. Where the store is in trouble it grows up to [`RETRY_DELAY_UNAVAILABLE_MAX`].
pub(super) fn delay(error: &Error, attempt: u32, random: u64) -> Duration {
    let attempt = attempt.max(1);
    let bound = match error {
        Error::Unavailable(_) => {
            RETRY_DELAY_MIN.saturating_mul(1 << (attempt - 1).min(16)).min(RETRY_DELAY_UNAVAILABLE_MAX)
        }
        _ => (RETRY_DELAY_MAX / attempt).max(RETRY_DELAY_MIN),
    };
    let bound_ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % (bound_ns + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lost_more_often_waits_shorter() {
        let conflict = |attempt, random| delay(&Error::Conflict, attempt, random);
        assert_eq!(conflict(1, 20_000_000), RETRY_DELAY_MAX);
        assert_eq!(conflict(4, 5_000_000), Duration::from_millis(5));
        assert!(conflict(4, u64::MAX) <= Duration::from_millis(5));
        for attempt in [20, 100, u32::MAX] {
            assert_eq!(conflict(attempt, 1_000_000), RETRY_DELAY_MIN);
            assert!(conflict(attempt, u64::MAX) <= RETRY_DELAY_MIN);
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
