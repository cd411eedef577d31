//! Counters of a running load, and the progress bar that shows them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

/// Interval at which the bar is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

/// Counters that all producers and consumers add to.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
    bytes: AtomicU64,
    consumed: AtomicU64,
}

impl Progress {
    /// Counts acknowledged records and their value bytes.
    pub fn acknowledged(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts records that were read back.
    pub fn consumed(&self, records: u64) {
        self.consumed.fetch_add(records, Ordering::Relaxed);
    }

    /// Value bytes that were acknowledged so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Draws a bar for a run of `duration`, on standard error if that is a terminal, until the future is dropped.
    pub async fn draw(&self, duration: Duration) {
        let style = ProgressStyle::with_template("{bar:40} {elapsed_precise}  {msg}").unwrap_or_else(|_| {
            // Unreachable, since the template is a literal; a plain bar would do.
            ProgressStyle::default_bar()
        });
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bar = ProgressBar::new(millis).with_style(style);
        loop {
            bar.set_position(u64::try_from(bar.elapsed().as_millis()).unwrap_or(u64::MAX).min(millis));
            bar.set_message(format!(
                "{} records ({}) acknowledged, {} read",
                HumanCount(self.records.load(Ordering::Relaxed)),
                HumanBytes(self.bytes()),
                HumanCount(self.consumed.load(Ordering::Relaxed)),
            ));
            tokio::time::sleep(REDRAW_INTERVAL).await;
        }
    }
}
