//! The metrics of the metastore's key-value store.

use std::sync::atomic::{AtomicU64, Ordering};

use alluvium_metastore::kv::{self, Db};

use super::source::{Metric, MetricSource, Sample, read_all};

fn load(value: &AtomicU64) -> u64 {
    value.load(Ordering::Relaxed)
}

/// Metrics of the key-value store.
pub const KEY_VALUE_STORE_METRICS: &[Metric<kv::Metrics>] = &[
    Metric::counter("kv_transactions", "transactions", "Metastore transactions started", |kv| load(&kv.transactions)),
    Metric::counter("kv_commits", "transactions", "Metastore transactions committed with writes", |kv| {
        load(&kv.commits)
    }),
    Metric::counter("kv_conflicts", "attempts", "Attempts that conflicted with another transaction", |kv| {
        load(&kv.conflicts)
    }),
    Metric::counter("kv_retries", "attempts", "Attempts after the first", |kv| load(&kv.retries)),
    Metric::counter("kv_unknown_results", "attempts", "Attempts whose result was unknown", |kv| {
        load(&kv.unknown_results)
    }),
    Metric::counter("kv_gave_up", "transactions", "Metastore transactions that failed after all retries", |kv| {
        load(&kv.gave_up)
    }),
    Metric::counter("kv_bytes_written", "bytes", "Bytes of keys and values committed", |kv| load(&kv.bytes_written)),
    Metric::counter("kv_rows_written", "writes", "Writes committed; a cleared range counts as one", |kv| {
        load(&kv.rows_written)
    }),
    Metric::counter("kv_bytes_read", "bytes", "Bytes of keys and values read by all attempts", |kv| {
        load(&kv.bytes_read)
    }),
    Metric::counter(
        "kv_time_microseconds",
        "microseconds",
        "Time of metastore transactions, all attempts and pauses between them",
        |kv| load(&kv.time_us),
    ),
    Metric::counter("kv_batches", "batches", "Durable batches of the embedded metastore, each one fsync", |kv| {
        load(&kv.batches)
    }),
    Metric::gauge("kv_file_bytes", "bytes", "Size of the embedded metastore's file", |kv| load(&kv.file_bytes)),
    Metric::gauge("kv_bytes_written_max", "bytes", "Size of the largest transaction committed", |kv| {
        load(&kv.bytes_written_max)
    }),
];

impl MetricSource for Db {
    fn samples(&self) -> Vec<Sample> {
        read_all(KEY_VALUE_STORE_METRICS, self.metrics())
    }
}
