//! The result of a run, as a table for people or one line of JSON for programs.

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{check::Verdict, usage::Usage};

/// An empty histogram of latencies in nanoseconds, from 1 µs to 5 minutes, with three digits.
pub fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 300_000_000_000, 3).expect("the bounds are constants that the histogram accepts")
}

/// The result of a run. Its JSON is read by scripts.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Number of records acknowledged.
    pub records: u64,
    /// Bytes of the acknowledged records' values.
    pub bytes: u64,
    /// Time from the first record to the last acknowledgement, in seconds.
    pub seconds: f64,
    /// Acknowledged records per second.
    pub records_per_second: f64,
    /// Acknowledged value bytes per second, in MiB.
    pub mib_per_second: f64,
    /// Time from when a record was due to its acknowledgement, in milliseconds.
    pub produce_ms: Percentiles,
    /// Time from when a record was due to its arrival at a consumer, in milliseconds.
    pub end_to_end_ms: Percentiles,
    /// Number of records read back and checked.
    pub read: u64,
    /// Number of records lost, duplicated or out of order.
    pub violations: u64,
    /// Descriptions of the first few violations.
    pub examples: Vec<String>,
    /// CPU time of the process named by --pid, in seconds per GiB produced; `None` without --pid.
    pub cpu_seconds_per_gib: Option<f64>,
    /// Object PUTs per GiB produced, by the target's metrics; `None` without --metrics.
    pub puts_per_gib: Option<f64>,
    /// Object GETs per GiB produced, likewise.
    pub gets_per_gib: Option<f64>,
    /// Metastore commits per GiB produced, likewise.
    pub commits_per_gib: Option<f64>,
}

/// Three percentiles of a latency, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
}

/// The measurements that a report is made from.
pub struct Measured {
    /// Number of records acknowledged.
    pub records: u64,
    /// Bytes of the acknowledged records' values.
    pub bytes: u64,
    /// Time from the first record to the last acknowledgement, in seconds.
    pub seconds: f64,
    /// Produce latencies in nanoseconds.
    pub produce: Histogram<u64>,
    /// End-to-end latencies in nanoseconds.
    pub end_to_end: Histogram<u64>,
    /// The result of all consumers' checks.
    pub verdict: Verdict,
    /// What the target used during the run.
    pub usage: Usage,
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
impl From<Measured> for Report {
    fn from(measured: Measured) -> Self {
        let gib = measured.bytes as f64 / f64::from(1 << 30);
        let per_gib = |amount: Option<f64>| amount.filter(|_| gib > 0.0).map(|amount| amount / gib);
        let seconds = measured.seconds.max(f64::EPSILON);
        Self {
            records: measured.records,
            bytes: measured.bytes,
            seconds,
            records_per_second: measured.records as f64 / seconds,
            mib_per_second: measured.bytes as f64 / f64::from(1 << 20) / seconds,
            produce_ms: Percentiles::of(&measured.produce),
            end_to_end_ms: Percentiles::of(&measured.end_to_end),
            read: measured.verdict.read,
            violations: measured.verdict.violations,
            examples: measured.verdict.examples,
            cpu_seconds_per_gib: per_gib(measured.usage.cpu_seconds),
            puts_per_gib: per_gib(measured.usage.puts),
            gets_per_gib: per_gib(measured.usage.gets),
            commits_per_gib: per_gib(measured.usage.commits),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies of a run are far below 2^52 ns")]
impl Percentiles {
    /// The percentiles of latencies in nanoseconds; all 0 if there are none.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

impl Report {
    /// The report as a table for people.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["measure", "value"]);
        let latency = |p: &Percentiles| format!("{:.1} / {:.1} / {:.1} ms", p.p50, p.p99, p.p999);
        table.add_row(["records acknowledged", &self.records.to_string()]);
        table.add_row(["records/s", &format!("{:.0}", self.records_per_second)]);
        table.add_row(["MiB/s", &format!("{:.1}", self.mib_per_second)]);
        table.add_row(["produce p50 / p99 / p99.9", &latency(&self.produce_ms)]);
        if self.read > 0 {
            table.add_row(["end to end p50 / p99 / p99.9", &latency(&self.end_to_end_ms)]);
        }
        for (name, value) in [
            ("server CPU-s/GiB", self.cpu_seconds_per_gib),
            ("PUT/GiB", self.puts_per_gib),
            ("GET/GiB", self.gets_per_gib),
            ("commits/GiB", self.commits_per_gib),
        ] {
            if let Some(value) = value {
                table.add_row([name, &format!("{value:.1}")]);
            }
        }
        table.add_row(["records read and checked", &self.read.to_string()]);
        table.add_row(["lost, duplicated or out of order", &self.violations.to_string()]);
        table
    }
}
