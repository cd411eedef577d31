//! The rounds: which tasks run, in which order, how often, and on which node.

use std::fmt::Display;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::leases::{Lease, LeaseKey, MaintenanceRole};
use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use futures::{StreamExt, stream};

use crate::assigned_work::AssignedWork;
use crate::cleanup::Cleanup;
use crate::error::MaintenanceError;
use crate::held_leases::HeldLeases;
use crate::orphan_sweep::OrphanSweep;
use crate::plan::Job;
use crate::retention::Retention;
use crate::rewrite::{JobResult, Rewriter};
use crate::scan::{EndOffsets, Scan};
use crate::{CompactorConfig, Counters, Report};

/// Passes of one round: each runs all jobs that it finds, and the last one finds none. The next round continues.
const PASSES_MAX: usize = 1_000;

/// Runs rounds, by the parts of the compactor.
pub(crate) struct Rounds {
    pub(crate) config: CompactorConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leases: Arc<HeldLeases>,
    pub(crate) scan: Scan,
    pub(crate) rewriter: Rewriter,
    pub(crate) retention: Retention,
    pub(crate) cleanup: Cleanup,
    pub(crate) orphan_sweep: OrphanSweep,
    pub(crate) counters: Counters,
    /// Start of the last sweep of orphans and expired rows.
    pub(crate) last_sweep: Mutex<Option<Timestamp>>,
}

/// What one round covers.
enum RoundScope {
    /// All partitions up to these end offsets, and all roles, except what other compactors hold leases on.
    All(EndOffsets),
    /// What is eligible among the work assigned to this node.
    Eligible(AssignedWork),
}

impl RoundScope {
    fn has_role(&self, role: MaintenanceRole) -> bool {
        match self {
            Self::All(_) => true,
            Self::Eligible(assigned) => assigned.has_role(role),
        }
    }
}

impl Rounds {
    /// One round over all work there is.
    pub(crate) async fn run_all(&self) -> Report {
        let mut report = Report::default();
        // Without heads nothing is compacted, but the other tasks run.
        let end_offsets = self.scan.end_offsets().await.unwrap_or_else(|error| {
            report.fail("reading heads", &error);
            EndOffsets::default()
        });
        let scope = RoundScope::All(end_offsets);
        self.trim_and_purge(&scope, &mut report).await;
        self.compact(&scope, &mut report).await;
        self.delete_due(&scope, &mut report).await;
        self.sweep(&scope, &mut report).await;
        self.leases.release_kept(|_| false).await;
        self.counters.count(&report);
        report
    }

    /// One round in the background.
    pub(crate) async fn run_background(&self) {
        let mut report = Report::default();
        let scope = RoundScope::Eligible(self.leases.assigned_work());
        self.trim_and_purge(&scope, &mut report).await;
        self.compact(&scope, &mut report).await;
        self.delete_due(&scope, &mut report).await;
        if self.sweep_is_due() {
            self.sweep(&scope, &mut report).await;
        }
        self.leases.release_kept(|key| matches!(key, LeaseKey::Role(role) if scope.has_role(*role))).await;
        self.counters.count(&report);
    }

    /// Runs before compaction, so that no record is rewritten only to be deleted.
    async fn trim_and_purge(&self, scope: &RoundScope, report: &mut Report) {
        let now = self.clock.now();
        if let Some(lease) = self.acquire_role(MaintenanceRole::Topics, scope, report).await {
            let purged = self.cleanup.purge_topics(&lease, now).await;
            report.topics_purged += self.finish_role(&lease, "purging deleted topics", purged, report).await;
        }
        if let Some(lease) = self.acquire_role(MaintenanceRole::Retention, scope, report).await {
            let trimmed = self.trim(&lease, now, report).await;
            report.trims += self.finish_role(&lease, "retention", trimmed, report).await;
        }
    }

    /// Moves log starts. Returns how many. A failure of one partition is reported and does not stop the others.
    async fn trim(&self, lease: &Lease, now: Timestamp, report: &mut Report) -> Result<u64, MaintenanceError> {
        let mut trims = 0;
        for (topic, heads) in self.scan.topics().await? {
            for (partition, head) in heads {
                match self.retention.apply(lease, &topic, partition, head, now).await {
                    Ok(trimmed) => trims += u64::from(trimmed),
                    Err(MaintenanceError::Fenced) => return Err(MaintenanceError::Fenced),
                    Err(error) => report.fail(&format!("retention of {} {partition}", topic.name), &error),
                }
            }
        }
        Ok(trims)
    }

    async fn compact(&self, scope: &RoundScope, report: &mut Report) {
        for _ in 0..PASSES_MAX {
            let now = self.clock.now();
            let jobs = match scope {
                RoundScope::All(end_offsets) => self.scan.jobs(Some(end_offsets), |_| true, now).await,
                RoundScope::Eligible(assigned) => {
                    self.scan.jobs(None, |partition| assigned.has_partition(partition), now).await
                }
            };
            let jobs = jobs.unwrap_or_else(|error| {
                report.fail("planning", &error);
                Vec::new()
            });
            if jobs.is_empty() || !self.run_jobs(jobs, report).await {
                break;
            }
        }
        let (bytes, extents) = self.scan.lag();
        self.counters.lag_bytes.store(bytes, Ordering::Relaxed);
        self.counters.lag_extents.store(extents, Ordering::Relaxed);
    }

    /// Runs `jobs`. Returns whether another pass may find more: a file was swapped in, or inputs were broken or
    /// changed.
    async fn run_jobs(&self, jobs: Vec<Job>, report: &mut Report) -> bool {
        let mut is_progress = false;
        let mut running =
            stream::iter(jobs).map(|job| self.rewriter.run(job)).buffer_unordered(self.config.jobs_max.max(1));
        while let Some(JobResult { report: done, broken }) = running.next().await {
            is_progress |= done.files_written > 0 || done.stale > 0 || !broken.is_empty();
            for (partition, extent) in &broken {
                self.scan.set_broken(*partition, extent);
            }
            report.add(done);
        }
        is_progress
    }

    async fn delete_due(&self, scope: &RoundScope, report: &mut Report) {
        let now = self.clock.now();
        if let Some(lease) = self.acquire_role(MaintenanceRole::Retired, scope, report).await {
            let deleted = self.cleanup.delete_retired(&lease, now).await;
            report.objects_deleted += self.finish_role(&lease, "deleting retired objects", deleted, report).await;
        }
        if let Some(lease) = self.acquire_role(MaintenanceRole::Feed, scope, report).await {
            let trimmed = self.cleanup.trim_feed(&lease, now).await;
            self.finish_role(&lease, "trimming the feed", trimmed, report).await;
        }
    }

    fn sweep_is_due(&self) -> bool {
        let now = self.clock.now();
        let mut last_sweep = self.last_sweep.lock().unwrap_or_else(PoisonError::into_inner);
        // Not in the first round, or a process that restarts often would spend its time listing.
        let due = last_sweep.get_or_insert(now).plus(self.config.sweep_interval) <= now;
        if due {
            *last_sweep = Some(now);
        }
        due
    }

    async fn sweep(&self, scope: &RoundScope, report: &mut Report) {
        let now = self.clock.now();
        if let Some(lease) = self.acquire_role(MaintenanceRole::Orphans, scope, report).await {
            let swept = self.orphan_sweep.run(now).await;
            let swept = self.finish_role(&lease, "sweeping orphans", swept, report).await;
            report.orphans_found += swept.found;
            report.orphans_deleted += swept.deleted;
        }
        if let Some(lease) = self.acquire_role(MaintenanceRole::Producers, scope, report).await {
            let expired = self.cleanup.expire_producers(&lease, now).await;
            self.finish_role(&lease, "expiring producers", expired, report).await;
        }
        if let Some(lease) = self.acquire_role(MaintenanceRole::Offsets, scope, report).await {
            let expired = async {
                self.cleanup.expire_offsets(&lease, now).await?;
                self.cleanup.expire_leases().await
            };
            let expired = expired.await;
            self.finish_role(&lease, "expiring offsets and leases", expired, report).await;
        }
    }

    /// Acquires the lease on `role`; `None` if the role is not in `scope` or another compactor holds it.
    async fn acquire_role(&self, role: MaintenanceRole, scope: &RoundScope, report: &mut Report) -> Option<Lease> {
        if !scope.has_role(role) {
            return None;
        }
        let leased = match self.leases.acquire(&[LeaseKey::Role(role)]).await {
            Ok(leases) => leases.into_iter().flatten().next(),
            Err(error) => {
                report.fail(&format!("leasing {role:?}"), &error);
                return None;
            }
        };
        report.leases_refused += u64::from(leased.is_none());
        leased
    }

    /// Keeps the lease on a role for the next round, and reports a failure of `task`, which ran under it. Returns the
    /// task's result, or the default if it failed.
    async fn finish_role<T, E>(&self, lease: &Lease, task: &str, result: Result<T, E>, report: &mut Report) -> T
    where
        T: Default,
        E: Into<MaintenanceError> + Display,
    {
        self.leases.keep(lease).await;
        match result.map_err(Into::into) {
            Ok(result) => result,
            Err(MaintenanceError::Fenced) => {
                tracing::info!("another node took over {task}; this one stops doing it");
                report.fenced += 1;
                self.leases.discard(lease).await;
                T::default()
            }
            Err(error) => {
                report.fail(task, &error);
                T::default()
            }
        }
    }
}
