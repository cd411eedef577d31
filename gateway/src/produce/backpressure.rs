//! Back-pressure: a limit per agent on bytes and requests that are admitted and not yet answered.
//!
//! Above the limit nothing is rejected: the next request waits for a permit, so its connection stops reading from its
//! socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Requests admitted and not yet answered: bounds the memory that small requests take beyond their bytes.
pub const REQUESTS_ADMITTED_MAX: usize = 65_536;
/// One permit stands for this many bytes, since a semaphore counts in `u32`.
const GRAIN_BYTES: usize = 1_024;

/// The semaphore in front of the write path. Clones share it.
#[derive(Clone, Debug)]
pub struct AdmissionSemaphore {
    state: Arc<AdmissionState>,
}

#[derive(Debug)]
struct AdmissionState {
    bytes: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    grains_max: u32,
    waiting: AtomicUsize,
    waits: AtomicU64,
}

/// Permits one request to be in memory; released when dropped.
#[derive(Debug)]
pub struct Permit {
    _bytes: OwnedSemaphorePermit,
    _request: OwnedSemaphorePermit,
}

/// The semaphore is closed: the agent is draining and admits nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("agent is draining")]
pub struct Closed;

impl AdmissionSemaphore {
    /// A semaphore with permits for `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let grains_max = grains(bytes_max).max(1);
        Self {
            state: Arc::new(AdmissionState {
                bytes: Arc::new(Semaphore::new(grains_max as usize)),
                requests: Arc::new(Semaphore::new(REQUESTS_ADMITTED_MAX)),
                grains_max,
                waiting: AtomicUsize::new(0),
                waits: AtomicU64::new(0),
            }),
        }
    }

    /// Waits for a permit for `bytes`, in order of calls. A request larger than the limit waits for all permits, so
    /// that it is served alone instead of never.
    ///
    /// # Errors
    /// If the semaphore is closed.
    pub async fn acquire(&self, bytes: usize) -> Result<Permit, Closed> {
        let wanted = grains(bytes).clamp(1, self.state.grains_max);
        match self.try_acquire(wanted)? {
            Some(permit) => Ok(permit),
            None => self.wait(wanted).await,
        }
    }

    /// Whether a request waits for a permit right now.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        self.state.waiting.load(Ordering::Relaxed) > 0
    }

    /// Requests that had to wait for a permit, since the start.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.state.waits.load(Ordering::Relaxed)
    }

    /// Bytes admitted and not yet answered, rounded up to 1 KiB for each request.
    #[must_use]
    pub fn bytes_admitted(&self) -> usize {
        (self.state.grains_max as usize).saturating_sub(self.state.bytes.available_permits()) * GRAIN_BYTES
    }

    /// Admits nothing more; requests that wait fail.
    pub fn close(&self) {
        self.state.bytes.close();
        self.state.requests.close();
    }

    fn try_acquire(&self, grains: u32) -> Result<Option<Permit>, Closed> {
        let request = match Arc::clone(&self.state.requests).try_acquire_owned() {
            Ok(request) => request,
            Err(TryAcquireError::NoPermits) => return Ok(None),
            Err(TryAcquireError::Closed) => return Err(Closed),
        };
        match Arc::clone(&self.state.bytes).try_acquire_many_owned(grains) {
            Ok(bytes) => Ok(Some(Permit { _bytes: bytes, _request: request })),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(Closed),
        }
    }

    async fn wait(&self, grains: u32) -> Result<Permit, Closed> {
        self.state.waits.fetch_add(1, Ordering::Relaxed);
        let _waiting = WaitingRequest::new(&self.state.waiting);
        let request = Arc::clone(&self.state.requests).acquire_owned().await.map_err(|_| Closed)?;
        let bytes = Arc::clone(&self.state.bytes).acquire_many_owned(grains).await.map_err(|_| Closed)?;
        Ok(Permit { _bytes: bytes, _request: request })
    }
}

/// Counts one waiter for as long as it lives, even if its future is dropped.
struct WaitingRequest<'a>(&'a AtomicUsize);

impl<'a> WaitingRequest<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for WaitingRequest<'_> {
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
    async fn above_the_limit_a_request_waits_until_a_permit_is_released() {
        let admission = AdmissionSemaphore::new(10 * GRAIN_BYTES);
        let first = admission.acquire(8 * GRAIN_BYTES).await.expect("room");
        let mut second = Box::pin(admission.acquire(4 * GRAIN_BYTES));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(admission.is_throttling());
        drop(first);
        assert!(second.await.is_ok());
        assert!(!admission.is_throttling());
        assert_eq!(admission.waits(), 1);
    }

    #[tokio::test]
    async fn a_request_larger_than_the_limit_is_admitted_alone() {
        let admission = AdmissionSemaphore::new(2 * GRAIN_BYTES);
        let huge = admission.acquire(100 * GRAIN_BYTES).await.expect("admitted alone");
        assert!(admission.acquire(1).now_or_never().is_none());
        drop(huge);
        assert!(admission.acquire(1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_closed_semaphore_fails_waiting_and_new_requests() {
        let admission = AdmissionSemaphore::new(GRAIN_BYTES);
        let _held = admission.acquire(GRAIN_BYTES).await.expect("room");
        let mut waiting = Box::pin(admission.acquire(GRAIN_BYTES));
        assert!(waiting.as_mut().now_or_never().is_none());
        admission.close();
        assert_eq!(waiting.await.err(), Some(Closed));
        assert_eq!(admission.acquire(1).await.err(), Some(Closed));
    }
}
