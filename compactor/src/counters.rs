//! What the compactor counts: in the report of a round, and since the process began for metrics. Each counter is
//! declared once, in the table at the end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alluvium_model::CompactionLoad;

/// Failures that one report names and logs.
const FAILURES_MAX: usize = 100;

impl Report {
    /// Logs a failure and adds it to the report, up to a limit, because an outage makes everything fail.
    pub(crate) fn fail(&mut self, what: &str, error: &dyn std::fmt::Display) {
        if self.failures.len() < FAILURES_MAX {
            tracing::warn!(%error, "{what} failed");
            self.failures.push(format!("{what}: {error}"));
        }
    }
}

/// A metric that is read from [`Counters`].
#[derive(Clone, Copy, Debug)]
pub struct CounterMetric {
    /// Its name on `/metrics`, without prefix and suffix.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// Its meaning.
    pub help: &'static str,
    /// Whether it goes up and down.
    pub is_gauge: bool,
    /// Reads it.
    pub read: fn(&Counters) -> u64,
}

/// Declares the counters of a report (`name = "metric", "unit"`, or `name` alone if no metric shows it), and the
/// gauges.
macro_rules! counters {
    (
        report { $(#[doc = $help:literal] $name:ident $(= $metric:literal, $unit:literal)?;)* }
        gauges { $(#[doc = $gauge_help:literal] $gauge:ident = $gauge_metric:literal, $gauge_unit:literal;)* }
    ) => {
        /// Totals of one round, for people and for tests.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Report {
            $(#[doc = $help] pub $name: u64,)*
            /// What failed, one line each, up to a limit; the rest of the round went on.
            pub failures: Vec<String>,
        }

        impl Report {
            /// Adds what another part of the round did.
            pub(crate) fn add(&mut self, part: Self) {
                $(self.$name += part.$name;)*
                let room = FAILURES_MAX.saturating_sub(self.failures.len());
                self.failures.extend(part.failures.into_iter().take(room));
            }
        }

        /// Totals since the process began, and gauges. Read with `Ordering::Relaxed`.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(#[doc = $gauge_help] pub $gauge: AtomicU64,)*
            $(#[doc = $help] pub $name: AtomicU64,)*
            /// Parts of rounds that failed; each is logged.
            pub failures: AtomicU64,
        }

        impl Counters {
            /// The metrics that are read from counters.
            pub const METRICS: &[&[CounterMetric]] = &[
                $(&[CounterMetric {
                    name: $gauge_metric,
                    unit: $gauge_unit,
                    help: $gauge_help.trim_ascii(),
                    is_gauge: true,
                    read: |counters| counters.$gauge.load(Ordering::Relaxed),
                }],)*
                $(&[$(CounterMetric {
                    name: $metric,
                    unit: $unit,
                    help: $help.trim_ascii(),
                    is_gauge: false,
                    read: |counters| counters.$name.load(Ordering::Relaxed),
                })?],)*
                &[CounterMetric {
                    name: "compaction_failures",
                    unit: "failures",
                    help: "Parts of the compactor's tasks that failed; each is logged and tried again later",
                    is_gauge: false,
                    read: |counters| counters.failures.load(Ordering::Relaxed),
                }],
            ];

            /// Sets the gauges of what is at level 0.
            pub(crate) fn set_lag(&self, (bytes, extents): (u64, u64), age: Duration) {
                self.lag_bytes.store(bytes, Ordering::Relaxed);
                self.lag_extents.store(extents, Ordering::Relaxed);
                self.lag_age_ms.store(u64::try_from(age.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }

            /// Sets the gauge of partitions whose rates are remembered.
            pub(crate) fn set_active_partitions(&self, partitions: usize) {
                self.active_partitions.store(u64::try_from(partitions).unwrap_or(u64::MAX), Ordering::Relaxed);
            }

            /// Sets the gauges of what there is to do.
            pub(crate) fn set_load(&self, load: CompactionLoad) {
                self.waiting_bytes.store(load.waiting_bytes, Ordering::Relaxed);
                self.bytes_per_second.store(load.bytes_per_second, Ordering::Relaxed);
            }

            pub(crate) fn count(&self, report: &Report) {
                let failures = u64::try_from(report.failures.len()).unwrap_or(u64::MAX);
                self.failures.fetch_add(failures, Ordering::Relaxed);
                $(self.$name.fetch_add(report.$name, Ordering::Relaxed);)*
            }
        }
    };
}

counters! {
    report {
        /// History files written and swapped in
        files_written = "compaction_files", "files";
        /// Records written to history files
        records_written = "compaction_records", "records";
        /// Extents that history files replaced
        extents_replaced;
        /// Bytes of the extents that history files replaced
        bytes_in = "compaction_read_bytes", "bytes";
        /// Bytes of the history files written
        bytes_out = "compaction_written_bytes", "bytes";
        /// Rewrites discarded because their inputs had changed
        stale = "compaction_stale", "rewrites";
        /// Leases that another compactor held; the work that they protect is left to it
        leases_refused = "compaction_claims_refused", "leases";
        /// Work discarded because its lease was lost meanwhile
        fenced = "compaction_fenced", "jobs";
        /// Partitions whose log start was moved by retention
        trims = "retention_trims", "partitions";
        /// Deleted topics purged
        topics_purged = "topics_purged", "topics";
        /// Retired objects deleted
        objects_deleted = "retired_objects_deleted", "objects";
        /// Orphans found by sweeps
        orphans_found = "orphans_found", "objects";
        /// Orphans deleted by sweeps
        orphans_deleted = "orphans_deleted", "objects";
    }
    gauges {
        /// Bytes not yet in history files, of the partitions assigned to this compactor
        lag_bytes = "compaction_lag_bytes", "bytes";
        /// Extents not yet in history files, of the partitions assigned to this compactor
        lag_extents = "compaction_lag_extents", "extents";
        /// Age of the oldest data not yet in history files
        lag_age_ms = "compaction_lag_age_milliseconds", "milliseconds";
        /// Bytes not yet in history files although they are many enough or old enough
        waiting_bytes = "compaction_waiting_bytes", "bytes";
        /// Partitions that got data lately or get much, of all compactors: their rates are remembered, at most 200,000
        active_partitions = "compaction_active_partitions", "partitions";
        /// Bytes of segments replaced by history files in a second, over the last minute of work
        bytes_per_second = "compaction_bytes_per_second", "bytes/s";
    }
}
