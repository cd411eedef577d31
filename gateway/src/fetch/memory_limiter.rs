//! Memory for old records: however many readers catch up at once, they hold only so much together.
//!
//! Readers at the tail are not concerned: what they are answered is in memory anyway.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::FetchPlan;
use super::locate::Located;
use crate::metadata_cache::Tier;

/// Bytes of one answer that has old records in it (beyond it by one batch at most): readers who catch up ask again at
/// once, larger answers make them hardly faster, and the more often they take turns, the more they share.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;
/// What fetches of old records hold together while they read, in answers and in runs loaded for them: the others wait.
pub const IN_FLIGHT_BYTES_MAX: usize = 128 << 20;

/// Lets fetches of old records read, as many as there is memory for, in the order in which they came.
#[derive(Clone, Debug)]
pub struct MemoryLimiter {
    free: Arc<Semaphore>,
}

impl MemoryLimiter {
    /// Nothing in flight.
    #[must_use]
    pub fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX)) }
    }

    /// What `plan` may answer, from where `located` says, and the memory for it, once there is some.
    pub async fn pass(&self, plan: &FetchPlan, located: &[Located]) -> (usize, Option<SemaphorePermit<'_>>) {
        let is_old = |located: &Located| located.found.as_ref().is_ok_and(|found| found.tier == Tier::Backfill);
        if !located.iter().any(is_old) {
            return (plan.max_bytes, None);
        }
        let bytes_max = plan.max_bytes.min(ANSWER_BYTES_MAX);
        // The answer, and as much of runs that wait for their partition's turn.
        let bytes = u32::try_from(2 * bytes_max).expect("twice the limit fits");
        let permit = self.free.acquire_many(bytes).await.expect("nobody closes the semaphore");
        (bytes_max, Some(permit))
    }

    /// Bytes that fetches hold.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        IN_FLIGHT_BYTES_MAX - self.free.available_permits()
    }
}
