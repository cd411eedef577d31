//! Which fault the next read or commit meets, drawn from the seed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::faults::{FaultSwitch, KvFaults};
use crate::kv::Error;
use alluvium_runtime::{Rng, SeededRng};

/// Pause between two checks whether the process is still cut off.
const CUT_CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Time that a request waits while the process is cut off: a transaction cannot grow older.
const CUT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads of one attempt that may fail as too old. Attempts grow old by time and not by what they read: if every read
/// could fail, one of 2,000 reads would, whenever it is tried.
const TOO_OLD_READS_MAX: u32 = 16;

/// Draws the faults of one process from its seed.
pub(super) struct FaultRng {
    switch: FaultSwitch,
    rng: SeededRng,
}

/// What is to happen to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitFault {
    /// It is committed as usual.
    None,
    /// It is not committed, but answered as committed.
    Lost,
    /// It fails with a conflict that there was not.
    Conflict,
    /// It is committed, and its result is unknown.
    UnknownButCommitted,
    /// It is not committed, and its result is unknown.
    UnknownNotCommitted,
}

impl FaultRng {
    /// Draws the faults that `faults` describe, from their seed.
    pub fn new(faults: KvFaults) -> Self {
        let rng = SeededRng::new(faults.seed);
        Self { switch: FaultSwitch::new(faults), rng }
    }

    /// The switch that changes the faults.
    pub fn switch(&self) -> &FaultSwitch {
        &self.switch
    }

    /// The latency and the faults of a read, before it is done; `earlier` is the number of reads of the attempt before
    /// it.
    pub async fn before_read(&self, earlier: u32) -> Result<(), Error> {
        self.network_delay().await;
        let may_be_too_old = earlier < TOO_OLD_READS_MAX;
        if !self.reach_store().await || may_be_too_old && self.hits(self.switch.current().too_old_per_mille) {
            return Err(Error::TooOld);
        }
        Ok(())
    }

    /// Draws what is to happen to the next commit.
    pub fn commit_fault(&self) -> CommitFault {
        let faults = self.switch.current();
        if self.hits(faults.lost_per_mille) {
            return CommitFault::Lost;
        }
        if self.hits(faults.conflict_per_mille) {
            return CommitFault::Conflict;
        }
        if !self.hits(faults.unknown_per_mille) {
            return CommitFault::None;
        }
        if self.hits(500) { CommitFault::UnknownButCommitted } else { CommitFault::UnknownNotCommitted }
    }

    /// Whether requests take no time.
    pub fn is_instant(&self) -> bool {
        self.switch.current().latency_max.is_zero()
    }

    /// Waits for a random latency: one way to the store, or back.
    pub async fn network_delay(&self) {
        let bound_ns = u64::try_from(self.switch.current().latency_max.as_nanos()).unwrap_or(u64::MAX);
        if bound_ns > 0 {
            sleep(Duration::from_nanos(self.rng.next_u64() % bound_ns)).await;
        }
    }

    /// Waits while the process is cut off. Whether the store was reached in time.
    pub async fn reach_store(&self) -> bool {
        let started = Instant::now();
        while self.switch.current().cut {
            if started.elapsed() >= CUT_TIMEOUT {
                return false;
            }
            sleep(CUT_CHECK_INTERVAL).await;
        }
        true
    }

    fn hits(&self, per_mille: u16) -> bool {
        per_mille > 0 && self.rng.next_u64() % 1_000 < u64::from(per_mille)
    }
}
