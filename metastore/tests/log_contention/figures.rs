//! What was counted and measured.

use std::{fmt, time::Duration};

/// The result of one measurement.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Swaps and trims, and attempts of them after their first.
    pub done: u64,
    pub retries: u64,
    /// Swaps, trims and commits that failed.
    pub gave_up: u64,
    /// Time of all swaps and trims.
    pub took: Duration,
    /// 99 of 100 commits took no longer than this, alone and beside swaps and trims.
    pub commit_alone: Duration,
    pub commit_beside: Duration,
}

impl Figures {
    /// Attempts of a swap or a trim, on average.
    pub fn attempts(&self) -> f64 {
        1.0 + self.retries as f64 / self.done.max(1) as f64
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, gave_up, took, commit_alone, commit_beside, .. } = self;
        let attempts = self.attempts();
        let rate = *done as f64 / took.as_secs_f64();
        write!(
            f,
            "{done} swaps and trims, {rate:.1}/s, {attempts:.2} attempts each, {gave_up} gave up; p99 of commits \
             {commit_alone:.1?} alone, {commit_beside:.1?} beside them"
        )
    }
}

/// The time that 99 of 100 of `times` do not exceed.
pub fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}
