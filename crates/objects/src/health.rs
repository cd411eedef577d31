//! Whether the store works, by its latest operations. `error.rs` decides which errors count.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, Operation};

/// What is known of writing and of reading.
#[derive(Debug, Default)]
pub(crate) struct Health {
    put: Mutex<OperationHealth>,
    get: Mutex<OperationHealth>,
}

/// What is known of one kind of operation.
#[derive(Debug, Default)]
struct OperationHealth {
    /// Why the last operation failed with all its retries; none after a success.
    last_failure: Option<Error>,
    /// Tries that wait for a response.
    tries: usize,
    /// Since when tries have waited or failed, and none has been answered; none if nothing waits and nothing failed.
    unanswered_since: Option<Instant>,
    /// Whether a try has failed since then.
    has_failed: bool,
}

/// One try that waits for a response, until it is dropped.
pub(crate) struct Try<'a>(Option<&'a Mutex<OperationHealth>>);

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let Some(mut health) = self.0.map(lock) else { return };
        health.tries -= 1;
        if health.tries == 0 && !health.has_failed {
            health.unanswered_since = None;
        }
    }
}

impl Health {
    /// Notes that a try begins.
    pub(crate) fn begin(&self, operation: Operation) -> Try<'_> {
        let health = self.of(operation);
        if let Some(mut health) = health.map(lock) {
            health.tries += 1;
            health.unanswered_since.get_or_insert_with(Instant::now);
        }
        Try(health)
    }

    /// Notes that an operation succeeded.
    pub(crate) fn record_success(&self, operation: Operation) {
        if let Some(mut health) = self.of(operation).map(lock) {
            health.last_failure = None;
            health.answered();
        }
    }

    /// Notes that one try failed. An error that concerns one object only is an answer of the store.
    pub(crate) fn record_failed_try(&self, error: &Error) {
        if let Some(mut health) = self.of(error.operation).map(lock) {
            if error.kind.concerns_store() {
                health.has_failed = true;
            } else {
                health.answered();
            }
        }
    }

    /// Notes that an operation failed after all its retries. An error that concerns one object only does not count.
    pub(crate) fn record_failure(&self, error: &Error) {
        if error.kind.concerns_store()
            && let Some(mut health) = self.of(error.operation).map(lock)
        {
            health.last_failure = Some(error.clone());
        }
    }

    /// Why the last write or the last read failed; `None` if both have succeeded since.
    pub(crate) fn last_failure(&self) -> Option<Error> {
        [&self.put, &self.get].into_iter().find_map(|health| lock(health).last_failure.clone())
    }

    /// How long writes or reads have waited or failed without any being answered; `None` if neither do.
    pub(crate) fn unanswered_for(&self) -> Option<Duration> {
        let since = [&self.put, &self.get].into_iter().filter_map(|health| lock(health).unanswered_since);
        since.min().map(|since| since.elapsed())
    }

    fn of(&self, operation: Operation) -> Option<&Mutex<OperationHealth>> {
        match operation {
            Operation::Put => Some(&self.put),
            Operation::Get => Some(&self.get),
            // No client waits for these, and what makes them fail makes the others fail too.
            Operation::Delete | Operation::List | Operation::Open => None,
        }
    }
}

impl OperationHealth {
    fn answered(&mut self) {
        // The try that was answered is still among the tries.
        self.unanswered_since = (self.tries > 1).then(Instant::now);
        self.has_failed = false;
    }
}

fn lock(health: &Mutex<OperationHealth>) -> MutexGuard<'_, OperationHealth> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}
