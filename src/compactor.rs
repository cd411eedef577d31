//! The compactor as a part of this binary: put together from the settings, and its counters as `/metrics` shows them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use alluvium_compactor::{Compactor, CompactorConfig, Counters};
use alluvium_gateway::metrics::{MetricSource, Sample, SampleKind};
use alluvium_metastore::nodes::Session;
use alluvium_objects::RetryPolicy;
use alluvium_runtime::{SystemClock, SystemRng};
use futures::future::BoxFuture;

use crate::stores::Stores;

/// A compactor over `stores` that works for `session`; nobody waits for it, so it tries long before it gives up.
pub fn compactor(stores: &Stores, config: CompactorConfig, session: Session, rng: Arc<SystemRng>) -> Compactor {
    let objects = stores.objects.with_retry(RetryPolicy::patient());
    Compactor::new(stores.metastore.clone(), objects, config, session, Arc::new(SystemClock), rng)
}

/// Finds out why a compactor is not ready; nothing where it is.
pub fn obstacle(
    stores: &Stores,
    session: &Session,
) -> Box<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync> {
    let (feed, session) = (stores.metastore.feed.clone(), session.clone());
    Box::new(move || {
        let (feed, session) = (feed.clone(), session.clone());
        Box::pin(async move {
            match feed.position().await {
                Err(error) => Some(format!("metastore failed: {error}")),
                Ok(_) if !session.is_valid() => Some("not registered: no heartbeat was taken lately".to_owned()),
                Ok(_) => None,
            }
        })
    })
}

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
    ("compaction_claims_refused", "Leases that another compactor held", SampleKind::Counter, |c| &c.leases_refused),
    ("compaction_fenced", "Work not done since its claim was lost meanwhile", SampleKind::Counter, |c| &c.fenced),
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
