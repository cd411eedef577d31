//! A value for each Tokio runtime that asks for one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};

/// One `T` for each runtime. HTTP clients belong in here: a pooled connection is driven by a task of the runtime that
/// opened it, so that a request of a thread of normal priority would wait for threads of low priority.
#[derive(Debug)]
pub struct PerRuntime<T> {
    of_runtime: Mutex<HashMap<Id, T>>,
}

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self { of_runtime: Mutex::default() }
    }
}

impl<T: Clone> PerRuntime<T> {
    /// The value of the current runtime, made by `make` if it has none.
    ///
    /// # Errors
    /// Those of `make`.
    ///
    /// # Panics
    /// Outside of any runtime.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let id = Handle::current().id();
        if let Some(value) = self.values().get(&id) {
            return Ok(value.clone());
        }
        // Not made under the lock, for which other runtimes would wait.
        let made = make()?;
        Ok(self.values().entry(id).or_insert(made).clone())
    }

    fn values(&self) -> MutexGuard<'_, HashMap<Id, T>> {
        self.of_runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn each_runtime_has_its_own_and_keeps_it() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (values, made) = (PerRuntime::default(), AtomicU32::new(0));
        let get = async || values.get_or_make(|| Ok::<_, Infallible>(made.fetch_add(1, Ordering::Relaxed))).unwrap();
        let (one, two) = (runtime(), runtime());
        assert_eq!([one.block_on(get()), two.block_on(get()), one.block_on(get()), two.block_on(get())], [0, 1, 0, 1]);
        assert!(two.block_on(async { values.get_or_make(|| Err::<u32, ()>(())) }).is_ok());
    }
}
