//! A limit on the bytes that producers may send in a second, for the times in which compaction falls behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

/// The longest wait of one request: half of the time after which Kafka's clients give up on an answer and send the same
/// again (`request.timeout.ms`). More than that cannot be held back, only refused.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// The longest time that one request keeps others waiting, however many bytes it announces.
const DEBT_MAX: Duration = Duration::from_secs(5);
/// The longest sleep before the limit is looked at again: it may have been lifted.
const SLEEP_MAX: Duration = Duration::from_millis(500);
/// Time for which what was not used may be made up for: timers are no more exact than some milliseconds.
const BURST: Duration = Duration::from_millis(100);

/// The limit, which applies to requests in the order in which they come. Clones share it.
#[derive(Clone, Debug)]
pub struct RateLimit(Arc<Limit>);

#[derive(Debug)]
struct Limit {
    /// Zero: none.
    bytes_per_second: AtomicU64,
    /// From when on the next request may be read. Locked by the request that is next, which is the fair order of this
    /// lock.
    free_at: Mutex<Instant>,
}

impl RateLimit {
    /// No limit.
    pub fn none() -> Self {
        Self(Arc::new(Limit { bytes_per_second: AtomicU64::new(0), free_at: Mutex::new(Instant::now()) }))
    }

    /// Sets the limit in bytes/s; `None` lifts it.
    pub fn set(&self, bytes_per_second: Option<u64>) {
        self.0.bytes_per_second.store(bytes_per_second.unwrap_or(0), Ordering::Relaxed);
    }

    /// The limit in bytes/s.
    pub fn get(&self) -> Option<u64> {
        Some(self.0.bytes_per_second.load(Ordering::Relaxed)).filter(|rate| *rate > 0)
    }

    /// Waits until a request of `bytes` may be read, but no longer than [`WAIT_MAX`].
    pub async fn wait(&self, bytes: usize) {
        if self.get().is_some() {
            let _ = timeout(WAIT_MAX, self.turn(bytes)).await;
        }
    }

    async fn turn(&self, bytes: usize) {
        let mut free_at = self.0.free_at.lock().await;
        while let Some(rate) = self.get() {
            let now = Instant::now();
            if *free_at <= now {
                let earliest = now.checked_sub(BURST).unwrap_or(now);
                *free_at = (*free_at).max(earliest) + time_for(bytes, rate).min(DEBT_MAX);
                return;
            }
            sleep((*free_at - now).min(SLEEP_MAX)).await;
        }
        // What was owed under a limit that is lifted is forgotten.
        *free_at = Instant::now();
    }
}

/// The time in which `bytes` pass at `rate` bytes/s.
fn time_for(bytes: usize, rate: u64) -> Duration {
    let us = u128::try_from(bytes).unwrap_or(u128::MAX).saturating_mul(1_000_000) / u128::from(rate.max(1));
    Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_pass_at_the_rate_in_their_order() {
        let limit = RateLimit::none();
        limit.set(Some(1_000));
        let start = Instant::now();
        let passed = join_all((0..20).map(|n| {
            let limit = &limit;
            async move {
                limit.wait(500).await;
                (n, start.elapsed())
            }
        }))
        .await;
        for (n, at) in passed {
            let exact = Duration::from_millis(500) * n;
            assert!(at <= exact && at + BURST * 2 >= exact, "request {n} after {at:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_waits_for_ever_and_a_huge_one_does_not_block_the_others() {
        let limit = RateLimit::none();
        limit.set(Some(1_000));
        let start = Instant::now();
        limit.wait(1_000_000).await;
        limit.wait(1).await;
        assert_eq!(start.elapsed().as_secs(), DEBT_MAX.as_secs());
        join_all((0..100).map(|_| limit.wait(5_000))).await;
        assert!(start.elapsed() <= DEBT_MAX + WAIT_MAX + SLEEP_MAX, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nothing_waits_and_a_lifted_one_lets_all_pass() {
        let limit = RateLimit::none();
        assert!(limit.wait(usize::MAX).now_or_never().is_some());
        limit.set(Some(1));
        limit.wait(1_000_000).await;
        let start = Instant::now();
        let waiting = async { join_all((0..10).map(|_| limit.wait(1_000_000))).await };
        let lift = async {
            sleep(Duration::from_secs(5)).await;
            limit.set(None);
        };
        tokio::join!(waiting, lift);
        assert!(start.elapsed() <= Duration::from_secs(6), "{:?}", start.elapsed());
        limit.set(Some(1_000));
        assert!(limit.wait(10).now_or_never().is_some(), "nothing is owed from before");
    }
}
