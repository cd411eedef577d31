//! Bounds the memory of fetches that read old records, however many consumers catch up at once.
//!
//! Fetches at the tail are not limited: the records that they return are in memory anyway.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of one answer with old records (one batch may exceed it). A consumer that catches up fetches again at once, so
/// larger answers hardly make it faster; and with smaller answers consumers stay closer together and share more of what
/// is loaded.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Bytes that all fetches of old records hold together while they read, in answers and in runs loaded for them. Further
/// fetches wait.
pub const IN_FLIGHT_BYTES_MAX: usize = 128 << 20;

/// Admits fetches of old records in the order of their arrival, as memory allows.
#[derive(Clone, Debug)]
pub struct MemoryLimiter {
    free_bytes: Arc<Semaphore>,
}

impl MemoryLimiter {
    /// A limiter with all of [`IN_FLIGHT_BYTES_MAX`] free.
    #[must_use]
    pub fn new() -> Self {
        Self { free_bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX)) }
    }

    /// The bytes that a fetch of `bytes_max` may return and, if it reads old records, the permit for their memory.
    /// Waits until there is enough memory.
    pub async fn acquire(&self, bytes_max: usize, reads_old: bool) -> (usize, Option<SemaphorePermit<'_>>) {
        if !reads_old {
            return (bytes_max, None);
        }
        let bytes_max = bytes_max.min(ANSWER_BYTES_MAX);
        // The answer, and as much again for runs loaded for partitions that are read later.
        let permits = u32::try_from(2 * bytes_max).expect("twice the limit fits");
        let permit = self.free_bytes.acquire_many(permits).await.expect("the semaphore is never closed");
        (bytes_max, Some(permit))
    }

    /// Bytes that fetches hold now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        IN_FLIGHT_BYTES_MAX - self.free_bytes.available_permits()
    }
}
