//! Transactions as closures, run until they are committed.
//!
//! Owns: the retry loop and its bounds. Invariant: a closure's result is returned only if its attempt was committed, or
//! if the closure itself failed on a consistent snapshot.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    Engine, Error, Metrics,
    backoff::{self, FailedAttempts},
    limits::{RUN_ATTEMPTS_MAX, RUN_DEADLINE},
    tx::{Kind, Tx},
};
use alluvium_runtime::Rng;

/// The metastore's key-value store. Clones share it.
#[derive(Clone)]
pub struct Db {
    engine: Arc<dyn Engine>,
    rng: Arc<dyn Rng>,
}

impl Db {
    /// Runs transactions on `engine`; `rng` jitters the delays between their attempts.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, rng: Arc<dyn Rng>) -> Self {
        Self { engine, rng }
    }

    /// Counters of what was done through the engine so far.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        self.engine.metrics()
    }

    /// Whether [`Tx::commit_beside`] works while objects are being written, instead of waiting for them.
    #[must_use]
    pub fn takes_pending_objects(&self) -> bool {
        self.engine.takes_pending_objects()
    }

    /// Runs `f` in a transaction and commits it. Conflicts, attempts that took too long and unknown results are
    /// retried, so `f` may run several times: it must have no effect except through its [`Tx`], and if
    /// [`Tx::is_maybe_committed`] it must check whether an earlier attempt was committed. An error of `f` ends the run
    /// without a commit.
    pub async fn run<T, E, F, Fut>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<Error> + Send,
        T: Send,
    {
        self.run_timed(name, Kind::ReadWrite, f).await
    }

    /// Runs `f` on one consistent snapshot, without conflicts and without a commit. Writes are an error; watches are
    /// armed.
    pub async fn read<T, E, F, Fut>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<Error> + Send,
        T: Send,
    {
        self.run_timed(name, Kind::ReadOnly, f).await
    }

    async fn run_timed<T, E, F, Fut>(&self, name: &'static str, kind: Kind, f: F) -> Result<T, E>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<Error> + Send,
        T: Send,
    {
        Metrics::count(&self.metrics().transactions, 1);
        let started = Instant::now();
        let result = self.run_attempts(name, kind, started, f).await;
        let time_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Metrics::count(&self.metrics().time_us, time_us);
        result
    }

    async fn run_attempts<T, E, F, Fut>(&self, name: &'static str, kind: Kind, started: Instant, f: F) -> Result<T, E>
    where
        F: Fn(Tx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<Error> + Send,
        T: Send,
    {
        let mut maybe_committed = false;
        let (mut attempts, mut longest) = (0, Duration::ZERO);
        loop {
            let began = Instant::now();
            let tx = Tx::new(self.engine.begin(), kind, maybe_committed);
            let result = f(tx.clone()).await;
            Metrics::count(&self.metrics().bytes_read, tx.bytes_read());
            let error = match (result, tx.failure()) {
                (Ok(value), _) => match tx.commit().await {
                    Ok(()) => {
                        self.count_commit(&tx);
                        return Ok(value);
                    }
                    Err(error) => error,
                },
                (Err(_), Some(error)) => error,
                (Err(error), None) => return Err(error),
            };
            self.count_failure(&error);
            attempts += 1;
            if error == Error::Conflict {
                longest = longest.max(began.elapsed());
            }
            maybe_committed |= error.is_maybe_committed();
            let left = RUN_DEADLINE.saturating_sub(started.elapsed());
            let is_last = attempts >= RUN_ATTEMPTS_MAX || left.is_zero();
            if is_last || !error.is_retryable() {
                return Err(self.give_up(name, attempts, error, maybe_committed).into());
            }
            tracing::trace!(transaction = name, attempts, %error, "attempt failed; trying again");
            Metrics::count(&self.metrics().retries, 1);
            let failed = FailedAttempts { count: attempts, longest, left };
            sleep(backoff::delay(&error, &failed, self.rng.next_u64())).await;
        }
    }

    /// The error of a run whose last attempt failed with `error`.
    fn give_up(&self, transaction: &'static str, attempts: u32, error: Error, maybe_committed: bool) -> Error {
        if error.is_retryable() || maybe_committed {
            Metrics::count(&self.metrics().gave_up, 1);
            let last = Box::new(if maybe_committed { Error::UnknownResult } else { error });
            return Error::GaveUp { transaction, attempts, last };
        }
        error
    }

    fn count_commit(&self, tx: &Tx) {
        let (rows, bytes) = tx.written();
        if rows > 0 {
            let metrics = self.metrics();
            Metrics::count(&metrics.commits, 1);
            Metrics::count(&metrics.rows_written, rows);
            Metrics::count(&metrics.bytes_written, bytes);
            Metrics::record_max(&metrics.bytes_written_max, bytes);
        }
    }

    fn count_failure(&self, error: &Error) {
        let metrics = self.metrics();
        match error {
            Error::Conflict => Metrics::count(&metrics.conflicts, 1),
            Error::UnknownResult => Metrics::count(&metrics.unknown_results, 1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::kv::{KvFaults, MemoryEngine};
    use alluvium_runtime::SeededRng;

    fn db(faults: KvFaults) -> Db {
        Db::new(Arc::new(MemoryEngine::new(faults)), Arc::new(SeededRng::new(1)))
    }

    async fn put(db: &Db) -> Result<bool, Error> {
        db.run("put", |tx| async move {
            tx.set(b"a", b"1");
            Ok(tx.is_maybe_committed())
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn endless_conflicts_end_in_giving_up_within_the_deadline() {
        let db = db(KvFaults { conflict_per_mille: 1_000, ..KvFaults::none() });
        let started = Instant::now();
        let result = put(&db).await;
        assert!(
            matches!(&result, Err(Error::GaveUp { transaction: "put", last, .. }) if **last == Error::Conflict),
            "{result:?}"
        );
        assert!(started.elapsed() <= RUN_DEADLINE + std::time::Duration::from_secs(1));
        assert_eq!(db.metrics().gave_up.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_gives_up_after_an_unknown_result_says_so() {
        let db = db(KvFaults { unknown_per_mille: 500, conflict_per_mille: 999, ..KvFaults::none() });
        let mut unknown = 0;
        for _ in 0..20 {
            unknown += u32::from(put(&db).await.is_err_and(|error| error.is_maybe_committed()));
        }
        assert!(unknown > 0, "one attempt in two thousand is unknown, and each run makes a thousand");
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_gives_the_same_faults() {
        let trace = async |seed| {
            let db = db(KvFaults {
                seed,
                conflict_per_mille: 300,
                unknown_per_mille: 300,
                latency_max: std::time::Duration::from_millis(7),
                ..KvFaults::none()
            });
            let started = Instant::now();
            let mut trace = Vec::new();
            for _ in 0..30 {
                trace.push((put(&db).await.unwrap(), started.elapsed()));
            }
            trace
        };
        assert_eq!(trace(5).await, trace(5).await);
        assert_ne!(trace(5).await, trace(6).await);
    }
}
