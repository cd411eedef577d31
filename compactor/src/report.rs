//! Failures in the report of a round; its totals are declared in `counters`.

use crate::counters::FAILURES_MAX;
pub use crate::counters::Report;

impl Report {
    /// Logs a failure and adds it to the report, up to a limit, because an outage makes everything fail.
    pub(crate) fn fail(&mut self, what: &str, error: &dyn std::fmt::Display) {
        if self.failures.len() < FAILURES_MAX {
            tracing::warn!(%error, "{what} failed");
            self.failures.push(format!("{what}: {error}"));
        }
    }
}
