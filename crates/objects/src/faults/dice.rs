//! Which trouble a process has with a simulated bucket, and what of it comes next, drawn from a seed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

/// How often one who is cut off looks whether he still is.
const CUT_PAUSE: Duration = Duration::from_millis(50);

/// What a bucket far away does to one process, and how often. Rates are in thousandths; the default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketTrouble {
    /// Each request takes between nothing and this, on its way and back.
    pub latency_max: Duration,
    /// Requests that are refused as the store is overloaded (S3's 503).
    pub unavailable_per_mille: u16,
    /// Requests that are done and then answered with a failure.
    pub lost_answer_per_mille: u16,
    /// Requests that are never answered, though they may be done in the end.
    pub hang_per_mille: u16,
    /// Bodies that come in pieces with pauses.
    pub slow_body_per_mille: u16,
    /// The longest pause within a slow body.
    pub slow_body_pause_max: Duration,
    /// Bodies that end early.
    pub cut_short_per_mille: u16,
    /// Listings that miss what is new, or end early by a failure.
    pub torn_list_per_mille: u16,
    /// Nothing gets through: what is asked waits.
    pub cut: bool,
    /// Of PUTs, this one (counted from 1) is answered as done and lost. Shows that checkers can fail.
    pub lose_put: Option<u64>,
    /// What is to be deleted is answered as gone and kept. Shows that checkers can fail.
    pub keeps_deleted: bool,
}

/// The trouble of one process, which changes. Clones share it.
#[derive(Clone, Debug)]
pub struct TroubleSwitch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    trouble: Mutex<BucketTrouble>,
    state: AtomicU64,
    puts: AtomicU64,
}

impl TroubleSwitch {
    /// `trouble`, in an order that follows from `seed`.
    #[must_use]
    pub fn new(trouble: BucketTrouble, seed: u64) -> Self {
        let (state, puts) = (AtomicU64::new(seed), AtomicU64::new(0));
        Self(Arc::new(Shared { trouble: Mutex::new(trouble), state, puts }))
    }

    /// From now on this. The sequence goes on.
    pub fn set(&self, trouble: BucketTrouble) {
        *self.trouble() = trouble;
    }

    /// Cuts the process off, or lets it through again.
    pub fn cut(&self, cut: bool) {
        self.trouble().cut = cut;
    }

    pub(super) fn current(&self) -> BucketTrouble {
        self.trouble().clone()
    }

    /// Whether the next PUT is the one that is lost.
    pub(super) fn loses_put(&self) -> bool {
        let number = self.0.puts.fetch_add(1, Ordering::AcqRel) + 1;
        self.trouble().lose_put == Some(number)
    }

    pub(super) fn hits(&self, per_mille: u16) -> bool {
        per_mille > 0 && self.below(1_000) < u64::from(per_mille)
    }

    /// A number below `bound`; 0 where that is 0.
    pub(super) fn below(&self, bound: u64) -> u64 {
        // SplitMix64, as for the jitter of retries.
        let mut z = self.0.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::AcqRel);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    pub(super) async fn pause(&self, bound: Duration) {
        let bound_us = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        if bound_us > 0 {
            sleep(Duration::from_micros(self.below(bound_us))).await;
        }
    }

    /// The way to the store, or back.
    pub(super) async fn travel(&self) {
        self.pause(self.current().latency_max).await;
        while self.current().cut {
            sleep(CUT_PAUSE).await;
        }
    }

    fn trouble(&self) -> MutexGuard<'_, BucketTrouble> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
