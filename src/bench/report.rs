//! What a run found, as a table for people or one line of JSON for programs.

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{check::Verdict, usage::Usage};

/// Latencies from 1 µs to 5 minutes with three digits, in ns.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 300_000_000_000, 3).expect("the bounds are constants that the histogram accepts")
}

/// What a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Records acknowledged.
    pub records: u64,
    /// Their value bytes.
    pub bytes: u64,
    /// From the first record to the last acknowledgement.
    pub seconds: f64,
    pub records_per_second: f64,
    pub mib_per_second: f64,
    /// From when a record was due to its acknowledgement.
    pub produce_ms: Percentiles,
    /// From when a record was due to its arrival at a consumer.
    pub end_to_end_ms: Percentiles,
    /// Records read back and checked.
    pub read: u64,
    /// Records lost, duplicated or out of order.
    pub violations: u64,
    pub examples: Vec<String>,
    /// CPU of the process named by --pid.
    pub cpu_seconds_per_gib: Option<f64>,
    /// Requests of the target by its metrics.
    pub puts_per_gib: Option<f64>,
    pub gets_per_gib: Option<f64>,
    pub commits_per_gib: Option<f64>,
}

/// Three points of a distribution, ms.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// What a report is made of.
pub struct Measured {
    pub records: u64,
    pub bytes: u64,
    pub seconds: f64,
    pub produce: Histogram<u64>,
    pub end_to_end: Histogram<u64>,
    pub verdict: Verdict,
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
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

impl Report {
    /// A table for people.
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
