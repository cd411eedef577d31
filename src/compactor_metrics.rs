//! The compactor's counters, as the gateway's `/metrics` shows them.

use std::sync::atomic::{AtomicU64, Ordering};

use alluvium_compactor::{Compactor, Counters};
use alluvium_gateway::metrics::{MetricSource, Sample, SampleKind};

/// Reads one compactor's counters at each scrape.
pub struct CompactorMetrics(pub Compactor);

type Row = (&'static str, &'static str, SampleKind, fn(&Counters) -> &AtomicU64);

const ROWS: &[Row] = &[
    ("compaction_lag_bytes", "Bytes not yet in history, as of the last round", SampleKind::Gauge, |c| &c.lag_bytes),
    ("compaction_lag_extents", "Extents not yet in history, as of the last round", SampleKind::Gauge, |c| {
        &c.lag_extents
    }),
    ("compaction_files", "History files written", SampleKind::Counter, |c| &c.files_written),
    ("compaction_records", "Records written to history", SampleKind::Counter, |c| &c.records_written),
    ("compaction_read_bytes", "Bytes of the extents replaced", SampleKind::Counter, |c| &c.bytes_in),
    ("compaction_written_bytes", "Bytes of the history files", SampleKind::Counter, |c| &c.bytes_out),
    ("compaction_stale", "Rewrites dropped since their inputs changed", SampleKind::Counter, |c| &c.stale),
    ("compaction_failures", "Parts of rounds that failed", SampleKind::Counter, |c| &c.failures),
    ("retention_trims", "Partitions trimmed by retention", SampleKind::Counter, |c| &c.trims),
    ("topics_purged", "Deleted topics purged", SampleKind::Counter, |c| &c.topics_purged),
    ("retired_objects_deleted", "Retired objects deleted", SampleKind::Counter, |c| &c.objects_deleted),
    ("orphans_found", "Orphans found by sweeps", SampleKind::Counter, |c| &c.orphans_found),
    ("orphans_deleted", "Orphans deleted by sweeps", SampleKind::Counter, |c| &c.orphans_deleted),
];

impl MetricSource for CompactorMetrics {
    fn samples(&self) -> Vec<Sample> {
        let counters = self.0.counters();
        let sample = |(name, help, kind, read): &Row| Sample {
            name,
            help,
            kind: *kind,
            value: read(counters).load(Ordering::Relaxed),
        };
        ROWS.iter().map(sample).collect()
    }
}
