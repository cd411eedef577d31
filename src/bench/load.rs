//! The load of one run, which all its producers and consumers share.

use std::sync::Arc;

use alluvium_client::TopicLayout;
use tokio::time::Instant;

use super::{intervals::Intervals, options::BenchOptions, progress::Progress};

/// The load of one run.
pub struct Load {
    /// The options that describe it.
    pub options: BenchOptions,
    /// The topic that records are written to and read from.
    pub topic: TopicLayout,
    /// Random number of the run, in the stamp of each of its records.
    pub run: u64,
    /// When the run began; due times and latencies count from here.
    pub began: Instant,
    /// The same time by the wall clock, in milliseconds since the Unix epoch: records' timestamps count from here.
    pub began_ms: i64,
    /// Counters for the progress bar.
    pub progress: Arc<Progress>,
    /// The interval under way, if the options ask for a line of each.
    pub intervals: Option<Intervals>,
}

impl Load {
    /// Time since the run began, in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
