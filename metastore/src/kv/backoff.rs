//! The delay before the next attempt of a transaction: bounded and jittered.

use std::time::Duration;

use super::{
    Error,
    limits::{RETRY_DELAY_ATTEMPTS, RETRY_DELAY_MAX, RETRY_DELAY_MIN, RETRY_DELAY_UNAVAILABLE_MAX},
};

/// What the failed attempts of one run have shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedAttempts {
    /// How many there were, at least 1.
    pub count: u32,
    /// How long the longest of those took that conflicted.
    pub longest: Duration,
    /// Time left until the run's deadline.
    pub left: Duration,
}

/// The delay before the next attempt after the last of `failed` ended with `error`: uniform between zero and a bound,
/// and never past the deadline.
///
/// After a conflict the bound is [`RETRY_DELAY_MAX`] at first, so that transactions that conflicted once are spread
/// out. It shrinks with every further conflict, so that the transaction that has waited longest goes first and is not
/// overtaken by new ones for ever.
///
/// An attempt that takes longer than that has waited for the machine or the store, most likely behind its rivals: each
/// of them used up its share of the processor, and all but one did so in vain. What exceeds it therefore counts
/// [`RETRY_DELAY_ATTEMPTS`] times, and does not shrink: as many rivals as there are, most of the time is left unused,
/// attempts are short again, and few overlap. If the store is unavailable the bound doubles up to
/// [`RETRY_DELAY_UNAVAILABLE_MAX`].
pub(super) fn delay(error: &Error, failed: &FailedAttempts, random: u64) -> Duration {
    let count = failed.count.max(1);
    let bound = match error {
        Error::Unavailable(_) => {
            RETRY_DELAY_MIN.saturating_mul(1 << (count - 1).min(16)).min(RETRY_DELAY_UNAVAILABLE_MAX)
        }
        _ => {
            let queued = failed.longest.saturating_sub(RETRY_DELAY_MAX);
            (RETRY_DELAY_MAX / count).max(RETRY_DELAY_MIN) + queued.saturating_mul(RETRY_DELAY_ATTEMPTS)
        }
    };
    let bound_ns = u64::try_from(bound.min(failed.left).as_nanos()).unwrap_or(u64::MAX - 1);
    Duration::from_nanos(random % (bound_ns + 1))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::Ordering};

    use tokio::{sync::Mutex, task::JoinSet, time::sleep};

    use super::*;
    use crate::kv::{Db, KvFaults, MemoryEngine, limits::RUN_DEADLINE};
    use alluvium_runtime::SeededRng;

    fn failed(count: u32) -> FailedAttempts {
        FailedAttempts { count, longest: Duration::from_millis(5), left: RUN_DEADLINE }
    }

    #[test]
    fn the_more_conflicts_the_shorter_the_delay() {
        let conflict = |count, random| delay(&Error::Conflict, &failed(count), random);
        assert_eq!(conflict(1, 20_000_000), RETRY_DELAY_MAX);
        assert_eq!(conflict(4, 5_000_000), Duration::from_millis(5));
        assert!(conflict(4, u64::MAX) <= Duration::from_millis(5));
        for count in [20, 100, u32::MAX] {
            assert_eq!(conflict(count, 1_000_000), RETRY_DELAY_MIN);
            assert!(conflict(count, u64::MAX) <= RETRY_DELAY_MIN);
        }
    }

    #[test]
    fn the_delay_grows_with_the_time_that_attempts_take_and_ends_at_the_deadline() {
        let slow = FailedAttempts { longest: Duration::from_millis(520), ..failed(100) };
        assert_eq!(delay(&Error::Conflict, &slow, 2_001_000_000), Duration::from_millis(2_001));
        let late = FailedAttempts { left: Duration::from_millis(30), ..slow };
        assert_eq!(delay(&Error::Conflict, &late, 30_000_000), Duration::from_millis(30));
        assert!(delay(&Error::Conflict, &late, u64::MAX) <= Duration::from_millis(30));
        assert_eq!(delay(&Error::Conflict, &FailedAttempts { left: Duration::ZERO, ..slow }, 7), Duration::ZERO);
    }

    #[test]
    fn the_delay_grows_while_the_store_is_unavailable() {
        let unavailable = |count, random| delay(&Error::Unavailable(String::new()), &failed(count), random);
        assert_eq!(unavailable(1, 1_000_000), RETRY_DELAY_MIN);
        assert_eq!(unavailable(100, 250_000_000), RETRY_DELAY_UNAVAILABLE_MAX);
        assert!(unavailable(100, u64::MAX) <= RETRY_DELAY_UNAVAILABLE_MAX);
    }

    /// `rivals` transactions that begin at once and add to one row. Each attempt takes `work` of the machine's only
    /// processor. Returns the attempts of all, and how many transactions gave up.
    async fn contend(rivals: u32, work: Duration, latency_max: Duration, seed: u64) -> (u64, u64) {
        let engine = MemoryEngine::new(KvFaults { seed, latency_max, ..KvFaults::none() });
        let db = Db::new(Arc::new(engine), Arc::new(SeededRng::new(seed)));
        let processor = Arc::new(Mutex::new(()));
        let mut running = JoinSet::new();
        for _ in 0..rivals {
            let (db, processor) = (db.clone(), processor.clone());
            running.spawn(async move {
                let add = db.run("add", |tx| {
                    let processor = processor.clone();
                    async move {
                        let row = tx.get(b"hot").await?;
                        let _turn = processor.lock().await;
                        sleep(work).await;
                        let count = row.map_or(0, |row| u32::from_be_bytes((*row).try_into().expect("it is a u32")));
                        tx.set(b"hot", &(count + 1).to_be_bytes());
                        Ok::<_, Error>(())
                    }
                });
                // Giving up is counted by the metrics.
                let _ = add.await;
            });
        }
        running.join_all().await;
        let metrics = db.metrics();
        let attempts = u64::from(rivals) + metrics.retries.load(Ordering::Relaxed);
        (attempts, metrics.gave_up.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn two_hundred_transactions_on_one_row_of_a_starved_machine_neither_storm_nor_give_up() {
        for seed in 0..3 {
            let (attempts, gave_up) = contend(200, Duration::from_millis(5), Duration::ZERO, seed).await;
            println!("seed {seed}: {attempts} attempts, {gave_up} gave up");
            // With delays that did not depend on the attempts' duration: 3,183 attempts, and 183 gave up.
            assert!(attempts <= 800, "seed {seed}: {attempts} attempts");
            assert_eq!(gave_up, 0, "seed {seed}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_hundred_transactions_on_one_row_of_a_distant_store_do_not_give_up() {
        for seed in 0..3 {
            let (attempts, gave_up) = contend(200, Duration::ZERO, Duration::from_millis(100), seed).await;
            println!("seed {seed}: {attempts} attempts, {gave_up} gave up");
            // With delays that did not depend on the attempts' duration: 1,988 to 2,128 attempts.
            assert!(attempts <= 1_600, "seed {seed}: {attempts} attempts");
            assert_eq!(gave_up, 0, "seed {seed}");
        }
    }
}
