//! Fault rates between one process and a simulated bucket, and the seeded generator that decides the next fault.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

/// Interval at which a request that is cut off checks whether the connection is back.
const CUT_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Fault rates of one process's requests to a remote bucket, in thousandths. The default has no faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketFaults {
    /// Upper bound of the latency of each request, and of each response.
    pub latency_max: Duration,
    /// Requests rejected because the store is overloaded (S3's 503).
    pub unavailable_per_mille: u16,
    /// Requests that are done and then reported as failed.
    pub lost_answer_per_mille: u16,
    /// Requests that never get a response, although they may be done in the end.
    pub hang_per_mille: u16,
    /// Bodies that arrive in pieces with pauses.
    pub slow_body_per_mille: u16,
    /// Upper bound of a pause within a slow body.
    pub slow_body_pause_max: Duration,
    /// Bodies that end early.
    pub cut_short_per_mille: u16,
    /// Listings that miss new objects, or end early with a failure.
    pub torn_list_per_mille: u16,
    /// Whether the process is cut off: its requests wait.
    pub cut: bool,
    /// The PUT (counted from 1) that is reported as done but lost. Shows that the checkers can fail.
    pub lose_put: Option<u64>,
    /// Whether deletions are reported as done but not done. Shows that the checkers can fail.
    pub keeps_deleted: bool,
}

/// The current fault rates of one process. Clones share them.
#[derive(Clone, Debug)]
pub struct BucketFaultSwitch(Arc<SwitchState>);

#[derive(Debug)]
struct SwitchState {
    faults: Mutex<BucketFaults>,
    rng: AtomicU64,
    puts: AtomicU64,
}

impl BucketFaultSwitch {
    /// A switch with `faults`; which requests fail follows from `seed`.
    #[must_use]
    pub fn new(faults: BucketFaults, seed: u64) -> Self {
        let (rng, puts) = (AtomicU64::new(seed), AtomicU64::new(0));
        Self(Arc::new(SwitchState { faults: Mutex::new(faults), rng, puts }))
    }

    /// Replaces the fault rates. The random sequence continues.
    pub fn set(&self, faults: BucketFaults) {
        *self.faults() = faults;
    }

    /// Cuts the process off, or reconnects it.
    pub fn cut(&self, cut: bool) {
        self.faults().cut = cut;
    }

    pub(super) fn current(&self) -> BucketFaults {
        self.faults().clone()
    }

    /// Counts a PUT. Returns whether it is the one to lose.
    pub(super) fn loses_put(&self) -> bool {
        let number = self.0.puts.fetch_add(1, Ordering::AcqRel) + 1;
        self.faults().lose_put == Some(number)
    }

    /// Whether an event of this rate happens now.
    pub(super) fn hits(&self, per_mille: u16) -> bool {
        per_mille > 0 && self.below(1_000) < u64::from(per_mille)
    }

    /// A random number below `bound`; 0 if `bound` is 0.
    pub(super) fn below(&self, bound: u64) -> u64 {
        // SplitMix64, as for the jitter of retries.
        let mut z = self.0.rng.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::AcqRel);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    /// Sleeps for a random time below `bound`.
    pub(super) async fn pause(&self, bound: Duration) {
        let bound_us = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        if bound_us > 0 {
            sleep(Duration::from_micros(self.below(bound_us))).await;
        }
    }

    /// Waits for the latency of one direction, and while the process is cut off.
    pub(super) async fn transmit(&self) {
        self.pause(self.current().latency_max).await;
        while self.current().cut {
            sleep(CUT_CHECK_INTERVAL).await;
        }
    }

    fn faults(&self) -> MutexGuard<'_, BucketFaults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
