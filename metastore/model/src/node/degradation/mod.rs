//! When a node is degraded: it is alive, and cannot use the bucket.
//!
//! ```text
//!                  probes fail for DEGRADED_AFTER                 probes succeed for the recovery time
//!      fit ─────────────────────────────────────────► degraded ─────────────────────────────────────────► fit
//! ```
//!
//! A node that becomes degraded again soon after it has recovered takes longer to recover, so that a bucket that comes
//! and goes does not send clients to and fro. Pure: the caller probes, and tells the time.

use std::time::Duration;

/// A node whose probes fail for this long is degraded: clients wait for it all the while, and S3 itself has failures of
/// a second or so that retries get over.
pub const DEGRADED_AFTER: Duration = Duration::from_secs(2);
/// A node whose probes succeed for this long has recovered.
pub const RECOVERY_TIME_MIN: Duration = Duration::from_secs(2);
/// The recovery time after many recoveries that did not last: one move of the clients in a minute is bearable.
pub const RECOVERY_TIME_MAX: Duration = Duration::from_secs(60);
/// A recovery has lasted once the node has been fit for this long, or for twice its recovery time if that is longer.
pub const LASTING: Duration = Duration::from_secs(60);
/// The pause before the next probe while the node's state may be about to change.
pub const PROBE_PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause between two probes of a degraded node: it is back at most this long, and the recovery time, after
/// the bucket is.
pub const PROBE_PAUSE_MAX: Duration = Duration::from_secs(4);

/// Decides whether this node is degraded from its probes of the bucket. Times are since some fixed moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DegradationDetector {
    state: State,
    /// How long probes must succeed before the node counts as fit again.
    recovery_time: Duration,
    /// When the node recovered last.
    recovered: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The bucket answers, or nothing was asked.
    Fit,
    /// Probes fail, since this time.
    Failing(Duration),
    /// The node is degraded. So many probes have failed since then.
    Degraded(u32),
    /// The node is degraded, and probes succeed since this time.
    Recovering(Duration),
}

impl Default for DegradationDetector {
    fn default() -> Self {
        Self { state: State::Fit, recovery_time: RECOVERY_TIME_MIN, recovered: None }
    }
}

impl DegradationDetector {
    /// Whether the node is degraded.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        match self.state {
            State::Fit | State::Failing(_) => false,
            State::Degraded(_) | State::Recovering(_) => true,
        }
    }

    /// The bucket answered a probe, or all other requests, at `now`.
    pub fn answered(&mut self, now: Duration) {
        self.state = match self.state {
            State::Fit | State::Failing(_) => State::Fit,
            State::Degraded(_) => State::Recovering(now),
            State::Recovering(since) if now.saturating_sub(since) < self.recovery_time => State::Recovering(since),
            State::Recovering(_) => {
                self.recovered = Some(now);
                State::Fit
            }
        };
    }

    /// A probe that started at `started` has failed at `now`.
    pub fn failed(&mut self, started: Duration, now: Duration) {
        self.state = match self.state {
            State::Fit => State::Failing(started),
            State::Failing(since) if now.saturating_sub(since) < DEGRADED_AFTER => State::Failing(since),
            State::Failing(_) => {
                self.recovery_time = self.next_recovery_time(now);
                State::Degraded(0)
            }
            State::Degraded(failures) => State::Degraded(failures.saturating_add(1)),
            State::Recovering(_) => State::Degraded(0),
        };
    }

    /// The pause before the next probe.
    #[must_use]
    pub fn probe_pause(&self) -> Duration {
        match self.state {
            State::Fit | State::Failing(_) | State::Recovering(_) => PROBE_PAUSE_MIN,
            State::Degraded(failures) => PROBE_PAUSE_MIN.saturating_mul(1 << failures.min(8)).min(PROBE_PAUSE_MAX),
        }
    }

    fn next_recovery_time(&self, now: Duration) -> Duration {
        let lasting = LASTING.max(self.recovery_time * 2);
        match self.recovered {
            Some(recovered) if now.saturating_sub(recovered) < lasting => {
                (self.recovery_time * 2).min(RECOVERY_TIME_MAX)
            }
            Some(_) | None => RECOVERY_TIME_MIN,
        }
    }
}

#[cfg(test)]
mod tests;
