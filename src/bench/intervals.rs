//! What a load did in each interval, as a line of JSON while it runs: for scripts that watch a long load.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::report::{Percentiles, latency_histogram};
use crate::output::print;

/// The counts and latencies of the interval under way. All producers and consumers add to them.
pub struct Intervals(Mutex<Measured>);

struct Measured {
    records: u64,
    bytes: u64,
    read: u64,
    produce: Histogram<u64>,
    end_to_end: Histogram<u64>,
}

/// One interval. Its JSON is read by scripts.
#[derive(Debug, Serialize)]
pub struct Interval {
    /// Seconds from the beginning of the run to the end of the interval.
    pub until: f64,
    /// Number of records acknowledged in it.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Number of records read in it.
    pub read: u64,
    /// Time from when a record was due to its acknowledgement, in milliseconds; 0 if there was none.
    pub produce_ms: Percentiles,
    /// Time from when a record was due to its arrival at a consumer, in milliseconds; 0 if there was none.
    pub end_to_end_ms: Percentiles,
}

impl Default for Measured {
    fn default() -> Self {
        Self { records: 0, bytes: 0, read: 0, produce: latency_histogram(), end_to_end: latency_histogram() }
    }
}

impl Default for Intervals {
    fn default() -> Self {
        Self(Mutex::new(Measured::default()))
    }
}

impl Intervals {
    /// Counts `records` that were acknowledged `latency_ns` after they were due, with `bytes` of values.
    pub fn acknowledged(&self, latency_ns: u64, records: u64, bytes: u64) {
        self.add(|measured| {
            measured.produce.saturating_record_n(latency_ns, records);
            measured.records += records;
            measured.bytes += bytes;
        });
    }

    /// Counts `records` that a consumer got `latency_ns` after they were due.
    pub fn read(&self, latency_ns: u64, records: u64) {
        self.add(|measured| {
            measured.end_to_end.saturating_record_n(latency_ns, records);
            measured.read += records;
        });
    }

    /// Prints a line after each `length`, until the future is dropped.
    ///
    /// # Errors
    /// If it cannot be printed.
    pub async fn print_each(&self, length: Duration, began: Instant) -> Result<()> {
        let mut ends = interval_at(began + length, length);
        ends.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ends.tick().await;
            print(&serde_json::to_string(&self.take(began.elapsed()))?)?;
        }
    }

    /// Ends the interval under way at `until` and begins the next one.
    fn take(&self, until: Duration) -> Interval {
        let measured = self.add(std::mem::take);
        Interval {
            until: until.as_secs_f64(),
            records: measured.records,
            bytes: measured.bytes,
            read: measured.read,
            produce_ms: Percentiles::of(&measured.produce),
            end_to_end_ms: Percentiles::of(&measured.end_to_end),
        }
    }

    fn add<T>(&self, change: impl FnOnce(&mut Measured) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_only_what_happened_in_it() {
        let intervals = Intervals::default();
        intervals.acknowledged(2_000_000, 10, 1_000);
        intervals.read(5_000_000, 9);
        let first = intervals.take(Duration::from_secs(1));
        assert_eq!((first.records, first.bytes, first.read), (10, 1_000, 9));
        assert!((first.produce_ms.p99 - 2.0).abs() < 0.1 && (first.end_to_end_ms.p50 - 5.0).abs() < 0.1, "{first:?}");
        let second = intervals.take(Duration::from_secs(2));
        assert_eq!((second.records, second.bytes, second.read), (0, 0, 0));
    }
}
