//! Whether the store works, by its latest operations. `error.rs` decides which errors count.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, Operation};

/// The last failure of writing and of reading; none after a success.
#[derive(Debug, Default)]
pub(crate) struct Health {
    put: Mutex<Option<Error>>,
    get: Mutex<Option<Error>>,
}

impl Health {
    /// Notes that an operation succeeded.
    pub(crate) fn record_success(&self, operation: Operation) {
        if let Some(mut failure) = self.failure_of(operation) {
            *failure = None;
        }
    }

    /// Notes that an operation failed after all its retries. An error that concerns one object only does not count.
    pub(crate) fn record_failure(&self, error: &Error) {
        if error.kind.concerns_store()
            && let Some(mut failure) = self.failure_of(error.operation)
        {
            *failure = Some(error.clone());
        }
    }

    /// Why the last write or the last read failed; `None` if both have succeeded since.
    pub(crate) fn last_failure(&self) -> Option<Error> {
        let last = |operation| self.failure_of(operation).and_then(|failure| failure.clone());
        last(Operation::Put).or_else(|| last(Operation::Get))
    }

    fn failure_of(&self, operation: Operation) -> Option<MutexGuard<'_, Option<Error>>> {
        let failure = match operation {
            Operation::Put => &self.put,
            Operation::Get => &self.get,
            // No client waits for these, and what makes them fail makes the others fail too.
            Operation::Delete | Operation::List | Operation::Open => return None,
        };
        Some(failure.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
