//! The handle of a compactor: puts its parts together and runs rounds.

use std::sync::{Arc, Mutex, OnceLock};

use alluvium_metastore::Metastore;
use alluvium_metastore::nodes::Session;
use alluvium_model::limits;
use alluvium_objects::{Objects, RetryPolicy};
use alluvium_runtime::{Clock, Rng};
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::cleanup::Cleanup;
use crate::compaction::CompactionTask;
use crate::failed_segments::FailedSegments;
use crate::held_leases::HeldLeases;
use crate::in_flight::InFlight;
use crate::orphan_sweep::OrphanSweep;
use crate::plan::{Policy, Sharing};
use crate::retention::Retention;
use crate::rewrite::{RewriteSettings, Rewriter, put_slots};
use crate::tasks::TaskStatuses;
use crate::upkeep::Upkeep;
use crate::work::{LargePartitions, Planner, WorkIndex};
use crate::{CompactorConfig, Counters, Report, TaskGauges};

/// One of any number of compactors that share the work: rendezvous hashing among the live ones assigns each its part,
/// and leases keep two of them from doing the same job. Clones share their state.
#[derive(Clone)]
pub struct Compactor {
    upkeep: Arc<Upkeep>,
}

impl Compactor {
    /// A compactor over `metastore` and `objects` that acquires its leases for `session`.
    #[must_use]
    pub fn new(
        metastore: Metastore,
        objects: Objects,
        config: CompactorConfig,
        session: Session,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Self {
        // The one place that sets the retry policies of compaction: no client waits for it, and giving up discards its
        // work. A segment that failed before holds a worker for less.
        let objects = objects.with_retry(RetryPolicy::background());
        let background = RetryPolicy::background();
        let impatient_objects = objects.with_retry(RetryPolicy { deadline: background.try_timeout, ..background });
        let failed = Arc::<FailedSegments>::default();
        let policy = policy(&config);
        let (counters, statuses) = (Arc::<Counters>::default(), Arc::<TaskStatuses>::default());
        let leases = Arc::new(HeldLeases::new(metastore.leases.clone(), session, Arc::clone(&rng)));
        let planner = Planner::new(metastore.topics.clone(), metastore.log.clone(), policy, Arc::clone(&failed));
        let feed = metastore.feed.clone();
        let settings = rewrite_settings(&config, &*rng);
        let large = LargePartitions::new(settings.sharing.part_bytes_max(), config.compact_age_max);
        let index = WorkIndex::new(feed, planner, policy, large, Arc::clone(&clock), Arc::clone(&counters));
        let index = Arc::new(index);
        let rewriter = Rewriter {
            log: metastore.log.clone(),
            known: metastore.objects.clone(),
            leases: Arc::clone(&leases),
            objects: objects.clone(),
            impatient_objects,
            clock: Arc::clone(&clock),
            settings,
            rng,
            puts: Arc::new(Semaphore::new(put_slots(objects.puts_in_flight_max()))),
            failed,
        };
        let compaction = CompactionTask {
            rewriter,
            index: Arc::clone(&index),
            counters: Arc::clone(&counters),
            config: config.clone(),
            clock: Arc::clone(&clock),
            in_flight: InFlight::default(),
            job_ended: Notify::new(),
            urgent_threads: OnceLock::new(),
            statuses: Arc::clone(&statuses),
            throughput: Mutex::default(),
        };
        let upkeep = Upkeep {
            compaction,
            retention: Retention::new(metastore.topics.clone(), metastore.log.clone()),
            orphan_sweep: OrphanSweep::new(metastore.objects.clone(), objects.clone(), &config),
            cleanup: Cleanup::new(metastore, objects, config.clone()),
            leases,
            index,
            counters,
            statuses,
            config,
            clock,
        };
        Self { upkeep: Arc::new(upkeep) }
    }

    /// Sets the threads on which jobs run while the backlog is large (`CompactorConfig::urgent_bytes`); without them
    /// jobs always run where [`Self::run`] does. Only the first call counts.
    pub fn set_urgent_threads(&self, threads: Handle) {
        // A second call is harmless.
        let _ = self.upkeep.compaction.urgent_threads.set(threads);
    }

    /// Totals since the start, and the current lag.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.upkeep.counters
    }

    /// What each task of [`Self::run`] shows of itself.
    #[must_use]
    pub fn task_gauges(&self) -> Vec<TaskGauges> {
        self.upkeep.task_gauges()
    }

    /// Does all work there is, except what other compactors hold leases on, and returns: everything that is stable at
    /// the start becomes history, everything due is removed, orphans are swept. Failures are listed in the report and
    /// do not stop the rest.
    pub fn run_once(&self) -> BoxFuture<'_, Report> {
        // Boxed, and so compiled in this crate and with its optimisation, not again where it is polled.
        Box::pin(self.upkeep.run_all())
    }

    /// Does this node's assigned work in the background until `cancel`, which stops it at once, even in the middle of a
    /// job: that is as harmless as a crash.
    pub fn run(&self, cancel: CancellationToken) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            cancel.run_until_cancelled(self.upkeep.run_background()).await;
        })
    }
}

/// What is compacted, and when.
fn policy(config: &CompactorConfig) -> Policy {
    Policy {
        bytes_min: config.compact_bytes_min,
        age_max: config.compact_age_max,
        small_age_max: config.compact_small_age_max,
        file_bytes_target: config.file_bytes_target.max(1),
    }
}

/// The settings of rewrites, with a random writer id for the names of this process's files.
fn rewrite_settings(config: &CompactorConfig, rng: &dyn Rng) -> RewriteSettings {
    RewriteSettings {
        writer: u32::try_from(rng.next_u64() >> 32).unwrap_or(0),
        file_bytes_target: config.file_bytes_target.max(1),
        compression: config.history_compression,
        sharing: Sharing::new(config.file_bytes_target, config.shared_part_bytes_max),
        read_ahead_bytes: config.read_ahead_bytes,
        retire_grace: config.retire_grace,
        output_age_max: limits::COMMIT_AGE_MAX,
    }
}
