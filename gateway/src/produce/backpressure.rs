//! Back-pressure: bytes and requests admitted and not yet answered, bounded per agent.
//!
//! Over the limit nothing is refused: the next admission waits, so its connection stops reading from its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Requests admitted and not yet answered: bounds the memory that small requests cost beyond their bytes.
pub const REQUESTS_ADMITTED_MAX: usize = 65_536;
/// One permit stands for this many bytes, since a semaphore counts in `u32`.
const GRAIN_BYTES: usize = 1_024;

/// The gate in front of the write path. Clones share it.
#[derive(Clone, Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bytes: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    grains_max: u32,
    waiting: AtomicUsize,
    waits: AtomicU64,
}

/// Leave for one request to be in memory; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    _bytes: OwnedSemaphorePermit,
    _request: OwnedSemaphorePermit,
}

/// The agent is stopping: nothing more is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("agent is draining")]
pub struct Closed;

impl Gate {
    /// Room for `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let grains_max = grains(bytes_max).max(1);
        Self {
            shared: Arc::new(Shared {
                bytes: Arc::new(Semaphore::new(grains_max as usize)),
                requests: Arc::new(Semaphore::new(REQUESTS_ADMITTED_MAX)),
                grains_max,
                waiting: AtomicUsize::new(0),
                waits: AtomicU64::new(0),
            }),
        }
    }

    /// Waits until there is room for `bytes`, first come first served. A request larger than all the room waits for all of
    /// it, so that it is served alone rather than never.
    ///
    /// # Errors
    /// Once the gate is closed.
    pub async fn admit(&self, bytes: usize) -> Result<Permit, Closed> {
        let wanted = grains(bytes).clamp(1, self.shared.grains_max);
        let waiting = self.try_admit(wanted)?;
        match waiting {
            Some(permit) => Ok(permit),
            None => self.wait(wanted).await,
        }
    }

    /// Whether someone waits for room right now.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) > 0
    }

    /// How often an admission has had to wait.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.shared.waits.load(Ordering::Relaxed)
    }

    /// Bytes admitted and not yet answered, to the grain.
    #[must_use]
    pub fn bytes_admitted(&self) -> usize {
        (self.shared.grains_max as usize).saturating_sub(self.shared.bytes.available_permits()) * GRAIN_BYTES
    }

    /// Admits nothing more; who waits is told.
    pub fn close(&self) {
        self.shared.bytes.close();
        self.shared.requests.close();
    }

    fn try_admit(&self, grains: u32) -> Result<Option<Permit>, Closed> {
        let request = match Arc::clone(&self.shared.requests).try_acquire_owned() {
            Ok(request) => request,
            Err(TryAcquireError::NoPermits) => return Ok(None),
            Err(TryAcquireError::Closed) => return Err(Closed),
        };
        match Arc::clone(&self.shared.bytes).try_acquire_many_owned(grains) {
            Ok(bytes) => Ok(Some(Permit { _bytes: bytes, _request: request })),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(Closed),
        }
    }

    async fn wait(&self, grains: u32) -> Result<Permit, Closed> {
        self.shared.waits.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting::new(&self.shared.waiting);
        let request = Arc::clone(&self.shared.requests).acquire_owned().await.map_err(|_| Closed)?;
        let bytes = Arc::clone(&self.shared.bytes).acquire_many_owned(grains).await.map_err(|_| Closed)?;
        Ok(Permit { _bytes: bytes, _request: request })
    }
}

/// Counts one waiter for as long as it lives, also where its future is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn grains(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(GRAIN_BYTES)).unwrap_or(u32::MAX).min(u32::MAX >> 4)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn over_the_limit_admission_waits_until_room_is_given_back() {
        let gate = Gate::new(10 * GRAIN_BYTES);
        let first = gate.admit(8 * GRAIN_BYTES).await.expect("room");
        let mut second = Box::pin(gate.admit(4 * GRAIN_BYTES));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(gate.is_throttling());
        drop(first);
        assert!(second.await.is_ok());
        assert!(!gate.is_throttling());
        assert_eq!(gate.waits(), 1);
    }

    #[tokio::test]
    async fn a_request_larger_than_all_room_is_admitted_alone() {
        let gate = Gate::new(2 * GRAIN_BYTES);
        let huge = gate.admit(100 * GRAIN_BYTES).await.expect("admitted alone");
        assert!(gate.admit(1).now_or_never().is_none());
        drop(huge);
        assert!(gate.admit(1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_closed_gate_turns_away_who_waits_and_who_comes() {
        let gate = Gate::new(GRAIN_BYTES);
        let _held = gate.admit(GRAIN_BYTES).await.expect("room");
        let mut waiting = Box::pin(gate.admit(GRAIN_BYTES));
        assert!(waiting.as_mut().now_or_never().is_none());
        gate.close();
        assert_eq!(waiting.await.err(), Some(Closed));
        assert_eq!(gate.admit(1).await.err(), Some(Closed));
    }
}
