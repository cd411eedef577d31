//! Exponential backoff between attempts, up to a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The delays between the attempts of one call: each twice as long as the one before, up to a maximum.
pub(crate) struct Backoff {
    next: Duration,
    max: Duration,
    deadline: Instant,
}

impl Backoff {
    /// Delays from `min` to `max`, until `timeout` from now.
    pub fn new(min: Duration, max: Duration, timeout: Duration) -> Self {
        Self { next: min, max, deadline: Instant::now() + timeout }
    }

    /// Waits before the next attempt. False, without a wait, if the deadline would be passed.
    pub async fn wait(&mut self) -> bool {
        if Instant::now() + self.next >= self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(self.max);
        true
    }
}
