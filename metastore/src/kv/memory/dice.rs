//! What happens to the next read or commit, drawn from the seed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{FaultSwitch, Faults};
use crate::kv::Error;
use alluvium_runtime::{Rng, SeededRng};

/// How often one who is cut off looks whether he still is.
const CUT_PAUSE: Duration = Duration::from_millis(50);
/// How long one who is cut off waits: a transaction cannot grow older.
const CUT_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Dice {
    switch: FaultSwitch,
    rng: SeededRng,
}

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    /// Not done, and said to be.
    Lost,
    Conflict,
    UnknownAndDone,
    Unknown,
}

impl Dice {
    pub fn new(faults: Faults) -> Self {
        let rng = SeededRng::new(faults.seed);
        Self { switch: FaultSwitch::new(faults), rng }
    }

    pub fn switch(&self) -> &FaultSwitch {
        &self.switch
    }

    pub async fn before_read(&self) -> Result<(), Error> {
        self.travel().await;
        if !self.pass().await || self.hits(self.switch.current().too_old_per_mille) {
            return Err(Error::TooOld);
        }
        Ok(())
    }

    pub fn fate(&self) -> Fate {
        let faults = self.switch.current();
        if self.hits(faults.lost_per_mille) {
            return Fate::Lost;
        }
        if self.hits(faults.conflict_per_mille) {
            return Fate::Conflict;
        }
        if !self.hits(faults.unknown_per_mille) {
            return Fate::Done;
        }
        if self.hits(500) { Fate::UnknownAndDone } else { Fate::Unknown }
    }

    /// Whether anything takes time at all.
    pub fn is_instant(&self) -> bool {
        self.switch.current().latency_max.is_zero()
    }

    /// The way there, or back.
    pub async fn travel(&self) {
        let bound_ns = u64::try_from(self.switch.current().latency_max.as_nanos()).unwrap_or(u64::MAX);
        if bound_ns > 0 {
            sleep(Duration::from_nanos(self.rng.next_u64() % bound_ns)).await;
        }
    }

    /// Whether the store is reached, in the end.
    pub async fn pass(&self) -> bool {
        let started = Instant::now();
        while self.switch.current().cut {
            if started.elapsed() >= CUT_PATIENCE {
                return false;
            }
            sleep(CUT_PAUSE).await;
        }
        true
    }

    fn hits(&self, per_mille: u16) -> bool {
        per_mille > 0 && self.rng.next_u64() % 1_000 < u64::from(per_mille)
    }
}
