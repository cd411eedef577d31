//! What the load has done so far, for the progress bar.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

/// Between two looks at the counters.
const TICK: Duration = Duration::from_millis(200);

/// Counters that all producers and consumers add to.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
    bytes: AtomicU64,
    consumed: AtomicU64,
}

impl Progress {
    /// Notes acknowledged records.
    pub fn acknowledged(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes records read back.
    pub fn consumed(&self, records: u64) {
        self.consumed.fetch_add(records, Ordering::Relaxed);
    }

    /// Value bytes acknowledged.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Draws a bar (on standard error, if that is a terminal) until dropped or `duration` and more has passed.
    pub async fn draw(&self, duration: Duration) {
        let style = ProgressStyle::with_template("{bar:40} {elapsed_precise}  {msg}").unwrap_or_else(|_| {
            // The template is a literal; a plain bar is as good.
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
            tokio::time::sleep(TICK).await;
        }
    }
}
