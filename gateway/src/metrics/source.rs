//! Numbers of parts that the agent does not know (the compactor), or that keep their own (the key-value store).

use std::sync::atomic::Ordering;

use alluvium_metastore::kv::Db;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Something that has numbers for a scrape.
pub trait MetricSource: Send + Sync + 'static {
    /// The numbers now. Names are unique over all sources.
    fn samples(&self) -> Vec<Sample>;
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its name, without the prefix `alluvium_` and without `_total`.
    pub name: &'static str,
    /// What it counts, for people.
    pub help: &'static str,
    /// How it moves.
    pub kind: SampleKind,
    /// The number.
    pub value: u64,
}

/// How a number moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// Only up; shown with `_total` behind its name.
    Counter,
    /// Up and down.
    Gauge,
}

impl Sample {
    /// A number that only grows.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: SampleKind::Counter, value }
    }

    /// A number that moves both ways.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind: SampleKind::Gauge, value }
    }
}

/// Numbers taken for one scrape.
#[derive(Debug)]
pub(super) struct Taken(pub Vec<Sample>);

impl Collector for Taken {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for Sample { name, help, kind, value } in &self.0 {
            match kind {
                SampleKind::Counter => {
                    let encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                    ConstCounter::new(*value).encode(encoder)?;
                }
                SampleKind::Gauge => {
                    let encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                    ConstGauge::new(i64::try_from(*value).unwrap_or(i64::MAX)).encode(encoder)?;
                }
            }
        }
        Ok(())
    }
}

impl MetricSource for Db {
    fn samples(&self) -> Vec<Sample> {
        let metrics = self.metrics();
        let counters = [
            ("kv_transactions", "Metastore transactions started", &metrics.transactions),
            ("kv_commits", "Metastore transactions committed with writes", &metrics.commits),
            ("kv_conflicts", "Attempts that lost to another transaction", &metrics.conflicts),
            ("kv_retries", "Attempts after the first", &metrics.retries),
            ("kv_unknown_results", "Attempts whose result was unknown", &metrics.unknown_results),
            ("kv_gave_up", "Metastore transactions that gave up", &metrics.gave_up),
            ("kv_bytes_written", "Bytes of keys and values committed", &metrics.bytes_written),
            ("kv_rows_written", "Writes committed", &metrics.rows_written),
            ("kv_bytes_read", "Bytes of keys and values read, by all attempts", &metrics.bytes_read),
            ("kv_time_microseconds", "Time of metastore transactions, all attempts and delays", &metrics.time_us),
            ("kv_batches", "Durable batches of the metastore, each one fsync", &metrics.batches),
        ];
        let gauges = [
            ("kv_file_bytes", "Size of the metastore's file, if it has one", &metrics.file_bytes),
            ("kv_bytes_written_max", "Size of the largest transaction committed", &metrics.bytes_written_max),
        ];
        counters
            .into_iter()
            .map(|(name, help, value)| Sample::counter(name, help, value.load(Ordering::Relaxed)))
            .chain(gauges.map(|(name, help, value)| Sample::gauge(name, help, value.load(Ordering::Relaxed))))
            .collect()
    }
}
