//! Whether the store works, as far as its latest operations tell.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, Objects, Operation};

/// What last went wrong with writing and with reading, until it goes right again.
#[derive(Debug, Default)]
pub(crate) struct Health {
    put: Mutex<Option<Error>>,
    get: Mutex<Option<Error>>,
}

impl Health {
    /// An operation succeeded.
    pub(crate) fn over(&self, operation: Operation) {
        if let Some(mut known) = self.of(operation) {
            *known = None;
        }
    }

    /// An operation was given up.
    pub(crate) fn note(&self, error: &Error) {
        if error.kind.is_of_store()
            && let Some(mut known) = self.of(error.operation)
        {
            *known = Some(error.clone());
        }
    }

    fn of(&self, operation: Operation) -> Option<MutexGuard<'_, Option<Error>>> {
        let known = match operation {
            Operation::Put => &self.put,
            Operation::Get => &self.get,
            // Nobody waits for these, and what stops them stops the others as well.
            Operation::Delete | Operation::List | Operation::Open => return None,
        };
        Some(known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Objects {
    /// Why the last write or the last read was given up; `None` where both succeeded since. What only concerns one object
    /// is no trouble of the store.
    #[must_use]
    pub fn trouble(&self) -> Option<Error> {
        let last = |operation| self.health.of(operation).and_then(|known| known.clone());
        last(Operation::Put).or_else(|| last(Operation::Get))
    }
}
