//! Suspension: while it lasts, operations fail at once, those in flight as well. The process decides when, because only
//! it knows who can do the work instead.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::{Error, ErrorKind, Operation};

/// Whether operations are suspended. (`Notify` wakes in the order of waiting, so that a simulated run is the same each
/// time; a watch channel would not.)
#[derive(Debug, Default)]
pub(crate) struct Suspension {
    is_suspended: AtomicBool,
    suspended: Notify,
}

impl Suspension {
    /// Suspends operations, or ends that.
    pub(crate) fn set(&self, is_suspended: bool) {
        self.is_suspended.store(is_suspended, Ordering::Release);
        if is_suspended {
            self.suspended.notify_waiters();
        }
    }

    /// Runs `operation`, unless it is suspended before it ends.
    pub(crate) async fn unless_suspended<T>(
        &self,
        kind: Operation,
        key: &str,
        operation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        // From here on no notification is missed.
        let suspended = self.suspended.notified();
        let reason = "not tried: the store has not answered this process lately";
        let error = || Error::new(ErrorKind::Suspended, kind, key, reason);
        if self.is_suspended.load(Ordering::Acquire) {
            return Err(error());
        }
        tokio::select! {
            biased;
            result = operation => result,
            () = suspended => Err(error()),
        }
    }
}
