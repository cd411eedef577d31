//! The delay before the next attempt of a transaction: bounded and jittered.

use std::time::Duration;

use super::{
    Error,
    limits::{RETRY_DELAY_MAX, RETRY_DELAY_MIN, RETRY_DELAY_UNAVAILABLE_MAX},
};

/// The delay before attempt `attempt` (the second is 1) after the previous one failed with `error`: uniform between
/// zero and a bound.
///
/// After a conflict the bound is [`RETRY_DELAY_MAX`] at first, so that transactions that conflicted once are spread
/// out. It shrinks with every further conflict, so that the transaction that has waited longest goes first and is not
/// overtaken by new ones for ever. If the store is unavailable the bound doubles up to [`RETRY_DELAY_UNAVAILABLE_MAX`].
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
    fn the_more_conflicts_the_shorter_the_delay() {
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
    fn the_delay_grows_while_the_store_is_unavailable() {
        let unavailable = |attempt, random| delay(&Error::Unavailable(String::new()), attempt, random);
        assert_eq!(unavailable(1, 1_000_000), RETRY_DELAY_MIN);
        assert_eq!(unavailable(100, 250_000_000), RETRY_DELAY_UNAVAILABLE_MAX);
        assert!(unavailable(100, u64::MAX) <= RETRY_DELAY_UNAVAILABLE_MAX);
    }
}
