//! How a client takes one answer, as it is written to its socket.

use tokio::time::Instant;

use super::Pace;

/// The progress of one answer.
#[derive(Debug)]
pub struct Taking {
    since: Instant,
    last_progress: Instant,
    taken: usize,
}

impl Taking {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, last_progress: now, taken: 0 }
    }

    /// The client takes `bytes` now.
    pub fn advance(&mut self, bytes: usize) {
        (self.taken, self.last_progress) = (self.taken + bytes, Instant::now());
    }

    /// How it takes the answer so far.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace { taken: self.taken, took: self.since.elapsed(), paused: self.last_progress.elapsed() }
    }
}
