//! Runs the tasks: each in a loop of its own, under the lease on its role, and restarted if it fails.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use alluvium_metastore::leases::{Lease, LeaseKey, MaintenanceRole};
use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};

use crate::cleanup::Cleanup;
use crate::compaction::CompactionTask;
use crate::error::MaintenanceError;
use crate::held_leases::HeldLeases;
use crate::orphan_sweep::OrphanSweep;
use crate::retention::Retention;
use crate::tasks::{Task, TaskGauges, TaskStatus, TaskStatuses, backoff};
use crate::work::WorkIndex;
use crate::{CompactorConfig, Counters, Report};

/// Everything that keeps a cluster in order, by the parts of the compactor.
pub(crate) struct Upkeep {
    pub(crate) config: CompactorConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leases: Arc<HeldLeases>,
    pub(crate) index: Arc<WorkIndex>,
    pub(crate) compaction: CompactionTask,
    pub(crate) retention: Retention,
    pub(crate) cleanup: Cleanup,
    pub(crate) orphan_sweep: OrphanSweep,
    pub(crate) counters: Arc<Counters>,
    pub(crate) statuses: Arc<TaskStatuses>,
}

/// What the passes of one call cover.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All partitions and roles, except what other compactors hold leases on; also what failed a short time ago.
    All,
    /// What is due among the work assigned to this node.
    Due,
}

impl Upkeep {
    /// All work there is, once. Retention and purges come before compaction, so that no record is rewritten only to be
    /// deleted.
    pub(crate) async fn run_all(&self) -> Report {
        let mut report = Report::default();
        // Without heads nothing is compacted, but the other tasks run.
        let end_offsets = self.index.planner.end_offsets().await.unwrap_or_else(|error| {
            report.fail("reading heads", &error);
            Default::default()
        });
        for task in [Task::Topics, Task::Retention] {
            self.run_once(task, &mut report).await;
        }
        self.compaction.run_all(&end_offsets, &mut report).await;
        for task in [Task::Deletion, Task::Feed, Task::Orphans, Task::Producers, Task::Offsets, Task::Leases] {
            self.run_once(task, &mut report).await;
        }
        self.leases.release_kept(|_| false).await;
        self.counters.count(&report);
        report
    }

    async fn run_once(&self, task: Task, report: &mut Report) {
        if let Err(error) = self.pass(task, Scope::All, report).await {
            report.fail(task.name(), &error);
        }
    }

    /// All tasks side by side, for ever. Boxed, because the compiler cannot show of the bare future that it is `Send`.
    pub(crate) fn run_background(&self) -> BoxFuture<'_, ()> {
        join_all(Task::ALL.map(|task| self.run_task(task).boxed())).map(drop).boxed()
    }

    /// One task for ever: a pass, a pause, and so on. A failure or a panic of a pass is reported, and the next one
    /// comes later and later.
    async fn run_task(&self, task: Task) {
        let status = self.statuses.of(task);
        let mut failures = 0;
        tokio::time::sleep(task.first_pause(&self.config)).await;
        loop {
            let has_failed = match AssertUnwindSafe(self.background_pass(task)).catch_unwind().await {
                Ok(has_failed) => has_failed,
                Err(_) => {
                    // The panic itself is in the log already.
                    tracing::error!(task = task.name(), "task panicked; it is started again");
                    self.leases.abandon(|key| task.role().is_some_and(|role| *key == LeaseKey::Role(role))).await;
                    true
                }
            };
            failures = if has_failed { failures + 1 } else { 0 };
            status.failures.fetch_add(u64::from(has_failed), Ordering::Relaxed);
            let pause = task.pause(&self.config);
            let pause = if has_failed { backoff(failures, pause) } else { pause };
            tokio::time::sleep(pause).await;
        }
    }

    /// One pass in the background. Returns whether it failed.
    async fn background_pass(&self, task: Task) -> bool {
        let mut report = Report::default();
        let passed = self.pass(task, Scope::Due, &mut report).await;
        if let Err(error) = &passed {
            report.fail(task.name(), error);
        }
        self.counters.count(&report);
        let assigned = self.leases.assigned_work();
        let is_needed = |key: &LeaseKey| matches!(key, LeaseKey::Role(role) if assigned.has_role(*role));
        self.leases.release_kept(is_needed).await;
        passed.is_err()
    }

    async fn pass(&self, task: Task, scope: Scope, report: &mut Report) -> Result<(), MaintenanceError> {
        match task.role() {
            None => self.unleased_pass(task).await,
            Some(role) => self.leased_pass(task, role, scope, report).await,
        }
    }

    /// A pass of what every compactor does, or may do without a lease.
    async fn unleased_pass(&self, task: Task) -> Result<(), MaintenanceError> {
        let status = self.statuses.of(task);
        match task {
            Task::Index => {
                self.index.tail(&self.leases, status).await?;
            }
            Task::Survey => {
                self.index.tailing().await;
                self.index.assign(self.leases.assigned_work()).await;
                if self.index.is_survey_due(status.since_pass(self.clock.now()), self.config.survey_interval) {
                    self.index.survey().await?;
                    status.set_passed(self.clock.now());
                }
            }
            Task::Leases => {
                self.cleanup.expire_leases(status).await?;
                status.set_passed(self.clock.now());
            }
            _ => self.compaction.run().await,
        }
        Ok(())
    }

    /// A pass under the lease on a role; nothing if the role is not in scope or another compactor holds the lease.
    async fn leased_pass(
        &self,
        task: Task,
        role: MaintenanceRole,
        scope: Scope,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        let status = self.statuses.of(task);
        if scope == Scope::Due && !self.leases.assigned_work().has_role(role) {
            status.reset();
            if task == Task::Deletion {
                self.cleanup.forget_failures();
            }
            return Ok(());
        }
        let leased = self.leases.acquire(&[LeaseKey::Role(role)]).await?.into_iter().flatten().next();
        let Some(lease) = leased else {
            report.leases_refused += 1;
            return Ok(());
        };
        let passed = self.role_pass(task, &lease, scope, status, report).await;
        // Kept for the next pass.
        self.leases.keep(&lease).await;
        match passed {
            Ok(()) => status.set_passed(self.clock.now()),
            Err(MaintenanceError::Fenced) => {
                tracing::info!(task = task.name(), "another node took over the role; this one stops doing it");
                report.fenced += 1;
                self.leases.discard(&lease).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn role_pass(
        &self,
        task: Task,
        lease: &Lease,
        scope: Scope,
        status: &TaskStatus,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        let now = self.clock.now();
        match task {
            Task::Retention if scope == Scope::All => self.retain_all(lease, now, report).await,
            Task::Retention => self.retain_due(lease, now, status, report).await,
            Task::Deletion => self.cleanup.delete_retired(lease, now, scope == Scope::All, status, report).await,
            Task::Topics => self.cleanup.purge_topics(lease, now, status, report).await,
            Task::Feed => self.cleanup.trim_feed(lease, now, status).await,
            Task::Orphans => self.orphan_sweep.run(now, status, report).await,
            Task::Producers => self.cleanup.expire_producers(lease, now, status).await,
            Task::Offsets => self.cleanup.expire_offsets(lease, now, status).await,
            Task::Index | Task::Survey | Task::Compaction | Task::Leases => Ok(()),
        }
    }

    /// Looks at every partition. A failure of one is reported and does not stop the others.
    async fn retain_all(&self, lease: &Lease, now: Timestamp, report: &mut Report) -> Result<(), MaintenanceError> {
        for topic in self.index.planner.topics().await? {
            for (partition, head) in self.index.planner.heads(&topic).await? {
                match self.retention.apply(lease, &topic, partition, head, now).await {
                    Ok(look) => report.trims += u64::from(look.is_trimmed),
                    Err(MaintenanceError::Fenced) => return Err(MaintenanceError::Fenced),
                    Err(error) => report.fail(&format!("retention of {} {partition}", topic.name), &error),
                }
            }
        }
        Ok(())
    }

    /// Looks at the partitions of which something may have expired, or that were written to for the first time.
    async fn retain_due(
        &self,
        lease: &Lease,
        now: Timestamp,
        status: &TaskStatus,
        report: &mut Report,
    ) -> Result<(), MaintenanceError> {
        let mut due = self.index.expiry().due(now);
        loop {
            status.set_backlog(due);
            due = due.saturating_sub(1);
            let next = self.index.expiry().take_due(now);
            let Some(partition) = next else { return Ok(()) };
            match self.retention.look(lease, partition, now).await {
                Ok(look) => {
                    report.trims += u64::from(look.is_trimmed);
                    self.index.expiry().looked(partition, look.next, look.by_size);
                }
                Err(error) => {
                    self.index.expiry().look_at(partition, now.plus_ms(1));
                    if matches!(error, MaintenanceError::Fenced) {
                        return Err(error);
                    }
                    report.fail(&format!("retention of {partition}"), &error);
                }
            }
        }
    }

    /// What each task shows of itself.
    pub(crate) fn task_gauges(&self) -> Vec<TaskGauges> {
        let now = self.clock.now();
        Task::ALL.map(|task| self.statuses.of(task).gauges(task, now)).into()
    }
}
