//! The rounds: what is done, in which order, how often, and by whom.

use std::fmt::Display;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::leases::{Lease, LeaseKey, Role};
use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use futures::{StreamExt, stream};

use crate::cleanup::Cleanup;
use crate::error::UpkeepError;
use crate::held_leases::{HeldLeases, Share};
use crate::plan::Job;
use crate::retention::Retention;
use crate::rewrite::{Done, Rewriter};
use crate::survey::{Horizon, Survey};
use crate::sweep::Sweep;
use crate::{CompactorConfig, Counters, Report};

/// Passes of one round: each does all jobs that it finds, the last one finds none. More are left to the next round.
const PASSES_MAX: usize = 1_000;

/// What a round is made of.
pub(crate) struct Parts {
    pub(crate) config: CompactorConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leases: Arc<HeldLeases>,
    pub(crate) survey: Survey,
    pub(crate) rewriter: Rewriter,
    pub(crate) retention: Retention,
    pub(crate) cleanup: Cleanup,
    pub(crate) sweep: Sweep,
    pub(crate) counters: Counters,
    pub(crate) swept: Mutex<Option<Timestamp>>,
}

/// What one round is to do.
enum Scope {
    /// All there is, up to the horizon, as far as others have not leased it.
    Everything(Horizon),
    /// What is ripe, and only what is this node's.
    Ripe(Share),
}

impl Scope {
    fn has_role(&self, role: Role) -> bool {
        match self {
            Self::Everything(_) => true,
            Self::Ripe(share) => share.has_role(role),
        }
    }
}

impl Parts {
    /// One round over all there is.
    pub(crate) async fn do_everything(&self) -> Report {
        let mut report = Report::default();
        // Without heads nothing is compacted, but all else is done.
        let horizon = self.survey.horizon().await.unwrap_or_else(|error| {
            report.fail("reading heads", &error);
            Horizon::default()
        });
        let scope = Scope::Everything(horizon);
        self.trim_and_purge(&scope, &mut report).await;
        self.compact(&scope, &mut report).await;
        self.delete(&scope, &mut report).await;
        self.sweep(&scope, &mut report).await;
        self.leases.release_kept(|_| false).await;
        self.counters.count(&report);
        report
    }

    /// One round in the background.
    pub(crate) async fn do_what_is_due(&self) {
        let mut report = Report::default();
        let scope = Scope::Ripe(self.leases.share());
        self.trim_and_purge(&scope, &mut report).await;
        self.compact(&scope, &mut report).await;
        self.delete(&scope, &mut report).await;
        if self.sweep_is_due() {
            self.sweep(&scope, &mut report).await;
        }
        self.leases.release_kept(|key| matches!(key, LeaseKey::Role(role) if scope.has_role(*role))).await;
        self.counters.count(&report);
    }

    /// First, so that nothing is rewritten only to be dropped.
    async fn trim_and_purge(&self, scope: &Scope, report: &mut Report) {
        let now = self.clock.now();
        if let Some(lease) = self.enter(Role::Topics, scope, report).await {
            let purged = self.cleanup.purge_topics(&lease, now).await;
            report.topics_purged += self.leave(&lease, "purging deleted topics", purged, report).await;
        }
        if let Some(lease) = self.enter(Role::Retention, scope, report).await {
            let trimmed = self.retain(&lease, now, report).await;
            report.trims += self.leave(&lease, "retention", trimmed, report).await;
        }
    }

    /// Moves log starts; how many. What fails in one partition is reported and leaves the others alone.
    async fn retain(&self, lease: &Lease, now: Timestamp, report: &mut Report) -> Result<u64, UpkeepError> {
        let mut trims = 0;
        for (topic, heads) in self.survey.topics().await? {
            for (partition, head) in heads {
                match self.retention.apply(lease, &topic, partition, head, now).await {
                    Ok(trimmed) => trims += u64::from(trimmed),
                    Err(UpkeepError::Fenced) => return Err(UpkeepError::Fenced),
                    Err(error) => report.fail(&format!("retention of {} {partition}", topic.name), &error),
                }
            }
        }
        Ok(trims)
    }

    async fn compact(&self, scope: &Scope, report: &mut Report) {
        for _ in 0..PASSES_MAX {
            let now = self.clock.now();
            let jobs = match scope {
                Scope::Everything(horizon) => self.survey.jobs(Some(horizon), |_| true, now).await,
                Scope::Ripe(share) => self.survey.jobs(None, |partition| share.has_partition(partition), now).await,
            };
            let jobs = jobs.unwrap_or_else(|error| {
                report.fail("planning", &error);
                Vec::new()
            });
            if jobs.is_empty() || !self.pass(jobs, report).await {
                break;
            }
        }
        let (bytes, extents) = self.survey.lag();
        self.counters.lag_bytes.store(bytes, Ordering::Relaxed);
        self.counters.lag_extents.store(extents, Ordering::Relaxed);
    }

    /// Does `jobs`; whether another look makes sense: something was swapped, or was found to be broken or changed.
    async fn pass(&self, jobs: Vec<Job>, report: &mut Report) -> bool {
        let mut is_progress = false;
        let mut running =
            stream::iter(jobs).map(|job| self.rewriter.run(job)).buffer_unordered(self.config.jobs_max.max(1));
        while let Some(Done { report: done, broken }) = running.next().await {
            is_progress |= done.files_written > 0 || done.stale > 0 || !broken.is_empty();
            for (partition, extent) in &broken {
                self.survey.set_broken(*partition, extent);
            }
            report.add(done);
        }
        is_progress
    }

    async fn delete(&self, scope: &Scope, report: &mut Report) {
        let now = self.clock.now();
        if let Some(lease) = self.enter(Role::Retired, scope, report).await {
            let deleted = self.cleanup.delete_retired(&lease, now).await;
            report.objects_deleted += self.leave(&lease, "deleting retired objects", deleted, report).await;
        }
        if let Some(lease) = self.enter(Role::Feed, scope, report).await {
            let trimmed = self.cleanup.trim_feed(&lease, now).await;
            self.leave(&lease, "trimming the feed", trimmed, report).await;
        }
    }

    fn sweep_is_due(&self) -> bool {
        let now = self.clock.now();
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        // Not in the first round: a process that restarts often would do nothing but list.
        let due = swept.get_or_insert(now).plus(self.config.sweep_interval) <= now;
        if due {
            *swept = Some(now);
        }
        due
    }

    async fn sweep(&self, scope: &Scope, report: &mut Report) {
        let now = self.clock.now();
        if let Some(lease) = self.enter(Role::Orphans, scope, report).await {
            let swept = self.sweep.run(now).await;
            let swept = self.leave(&lease, "sweeping orphans", swept, report).await;
            report.orphans_found += swept.found;
            report.orphans_deleted += swept.deleted;
        }
        if let Some(lease) = self.enter(Role::Producers, scope, report).await {
            let expired = self.cleanup.expire_producers(&lease, now).await;
            self.leave(&lease, "expiring producers", expired, report).await;
        }
        if let Some(lease) = self.enter(Role::Offsets, scope, report).await {
            let expired = async {
                self.cleanup.expire_offsets(&lease, now).await?;
                self.cleanup.sweep_leases().await
            };
            let expired = expired.await;
            self.leave(&lease, "expiring offsets and leases", expired, report).await;
        }
    }

    /// The lease on `role`, where it is this node's to do now.
    async fn enter(&self, role: Role, scope: &Scope, report: &mut Report) -> Option<Lease> {
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

    /// The lease on a role is kept for the next round; what was done under it, or nothing where that failed, which is reported.
    async fn leave<T, E>(&self, lease: &Lease, what: &str, done: Result<T, E>, report: &mut Report) -> T
    where
        T: Default,
        E: Into<UpkeepError> + Display,
    {
        self.leases.keep(lease).await;
        match done.map_err(Into::into) {
            Ok(done) => done,
            Err(UpkeepError::Fenced) => {
                tracing::info!("{what} was taken over by another node");
                report.fenced += 1;
                self.leases.forget(lease).await;
                T::default()
            }
            Err(error) => {
                report.fail(what, &error);
                T::default()
            }
        }
    }
}
