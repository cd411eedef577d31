//! Retries of one operation within a deadline. `error.rs` decides which errors are retried, [`RetryPolicy`] how often.
//!
//! [`RetryPolicy`]: crate::RetryPolicy

use std::future::Future;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::usage::count;
use crate::{Error, ErrorKind, Objects, Operation};

impl Objects {
    /// Takes a slot, then runs `attempt` until it succeeds, fails with an error that is not retryable, or has used up
    /// its tries or its time, or the store is suspended. It transfers `bytes`. The slot is held between tries as well,
    /// so that a failing store gets fewer requests.
    pub(crate) async fn with_retries<T, F, Fut>(
        &self,
        operation: Operation,
        key: &str,
        slots: &Semaphore,
        bytes: u64,
        attempt: F,
    ) -> Result<T, Error>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let result = self.retried(operation, key, slots, bytes, attempt);
        self.suspension.unless_suspended(operation, key, result).await
    }

    async fn retried<T, F, Fut>(
        &self,
        operation: Operation,
        key: &str,
        slots: &Semaphore,
        bytes: u64,
        attempt: F,
    ) -> Result<T, Error>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let retry = &self.config.retry;
        let transfer = retry.transfer_time(bytes);
        let deadline = Instant::now() + retry.deadline + transfer;
        let no_slot = || Error::new(ErrorKind::Timeout, operation, key, "no free slot");
        let slot = timeout_at(deadline, slots.acquire()).await.map_err(|_| self.failed(no_slot()))?;
        let _slot = slot.expect("the semaphore is never closed");
        let mut tried = 0;
        loop {
            tried += 1;
            let try_end = deadline.min(Instant::now() + retry.try_timeout + transfer);
            let waiting = self.health.begin(operation);
            let error = match timeout_at(try_end, attempt()).await {
                Ok(Ok(value)) => {
                    self.health.record_success(operation);
                    return Ok(value);
                }
                Ok(Err(error)) => error,
                Err(_) => Error::new(ErrorKind::Timeout, operation, key, format!("no response to try {tried}")),
            };
            self.health.record_failed_try(&error);
            drop(waiting);
            let wait = self.jittered(retry.backoff(tried));
            let gives_up = !error.is_retryable() || tried >= retry.tries || Instant::now() + wait >= deadline;
            if gives_up {
                return Err(self.failed(error));
            }
            tracing::debug!(%error, tried, "object store operation failed; trying again");
            count(&self.usage.retries, 1);
            sleep(wait).await;
        }
    }

    /// Counts the failure of an operation. An absent object is a result, not a failure.
    fn failed(&self, error: Error) -> Error {
        if error.kind != ErrorKind::NotFound {
            count(&self.usage.failures, 1);
            self.health.record_failure(&error);
        }
        error
    }

    /// Between half of `wait` and all of it, so that operations that failed together are not retried together.
    pub(crate) fn jittered(&self, wait: Duration) -> Duration {
        // SplitMix64; any sequence that differs between processes suffices.
        let mut z = self.slots.jitter.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [percent, ..] = (z ^ (z >> 31)).to_be_bytes();
        wait / 2 + wait / 2 * u32::from(percent) / 255
    }
}
