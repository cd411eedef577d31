//! The rounds: what is done, in which order, how often.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_metastore::Metastore;
use alluvium_metastore::ambient::{Clock, Entropy};
use alluvium_model::{Timestamp, limits};
use alluvium_objects::{Objects, RetryPolicy};
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::cleanup::Cleanup;
use crate::error::UpkeepError;
use crate::plan::{Job, Policy};
use crate::retention::Retention;
use crate::rewrite::{Done, Rewriter, Settings};
use crate::survey::{Horizon, Survey};
use crate::sweep::Sweep;
use crate::{CompactorConfig, Counters, Report};

/// Passes of one round: each does all jobs that it finds, the last one finds none. More are left to the next round.
const PASSES_MAX: usize = 1_000;

/// One compactor. Several at once are safe (a swap verifies its inputs), if wasteful. Clones share its memory.
#[derive(Clone)]
pub struct Compactor {
    parts: Arc<Parts>,
}

struct Parts {
    config: CompactorConfig,
    clock: Arc<dyn Clock>,
    survey: Survey,
    rewriter: Rewriter,
    retention: Retention,
    cleanup: Cleanup,
    sweep: Sweep,
    counters: Counters,
    swept: Mutex<Option<Timestamp>>,
}

impl Compactor {
    /// A compactor over `metastore` and `objects`.
    #[must_use]
    pub fn new(
        metastore: Metastore,
        objects: Objects,
        config: CompactorConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        // Nobody waits for a compactor, and giving up throws away its work.
        let objects = objects.with_retry(RetryPolicy::patient());
        let policy = Policy {
            bytes_min: config.compact_bytes_min,
            age_max: config.compact_age_max,
            file_bytes_target: config.file_bytes_target.max(1),
        };
        let settings = Settings {
            writer: u32::try_from(entropy.next_u64() >> 32).unwrap_or(0),
            file_bytes_target: policy.file_bytes_target,
            retire_grace: config.retire_grace,
            output_age_max: limits::COMMIT_AGE_MAX,
        };
        let known = metastore.objects.clone();
        let parts = Parts {
            survey: Survey::new(metastore.topics.clone(), metastore.log.clone(), policy),
            rewriter: Rewriter {
                log: metastore.log.clone(),
                known: known.clone(),
                objects: objects.clone(),
                clock: Arc::clone(&clock),
                entropy,
                settings,
            },
            retention: Retention::new(metastore.log.clone(), config.retire_grace),
            sweep: Sweep::new(known, objects.clone(), &config),
            cleanup: Cleanup::new(metastore, objects, config.clone()),
            counters: Counters::default(),
            swept: Mutex::default(),
            config,
            clock,
        };
        Self { parts: Arc::new(parts) }
    }

    /// Running totals.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.parts.counters
    }

    /// Does everything there is to do now and returns when nothing is left: all that is stable when it begins becomes
    /// history, what is due is removed, orphans are swept. What fails is in the report; the rest is done.
    pub async fn run_once(&self) -> Report {
        let mut report = Report::default();
        self.parts.trim_and_purge(&mut report).await;
        match self.parts.survey.horizon().await {
            Ok(horizon) => self.parts.compact(Some(&horizon), &mut report).await,
            Err(error) => report.fail("reading heads", &error),
        }
        self.parts.delete(&mut report).await;
        self.parts.sweep(&mut report).await;
        self.parts.counters.count(&report);
        report
    }

    /// Works in the background until cancelled: at once, even in the middle of a job, since a crash is harmless too.
    pub async fn run(&self, cancel: CancellationToken) {
        let rounds = async {
            loop {
                self.round().await;
                tokio::time::sleep(self.parts.config.interval).await;
            }
        };
        cancel.run_until_cancelled(rounds).await;
    }

    /// One round in the background.
    async fn round(&self) {
        let mut report = Report::default();
        self.parts.trim_and_purge(&mut report).await;
        self.parts.compact(None, &mut report).await;
        self.parts.delete(&mut report).await;
        if self.parts.sweep_is_due() {
            self.parts.sweep(&mut report).await;
        }
        self.parts.counters.count(&report);
    }
}

impl Parts {
    /// First, so that nothing is rewritten only to be dropped.
    async fn trim_and_purge(&self, report: &mut Report) {
        let now = self.clock.now();
        match self.cleanup.purge_topics(now).await {
            Ok(purged) => report.topics_purged += purged,
            Err(error) => report.fail("purging deleted topics", &error),
        }
        let topics = match self.survey.topics().await {
            Ok(topics) => topics,
            Err(error) => return report.fail("reading topics", &error),
        };
        for (topic, heads) in topics {
            for (partition, head) in heads {
                match self.retention.apply(&topic, partition, head, now).await {
                    Ok(trimmed) => report.trims += u64::from(trimmed),
                    Err(error) => report.fail(&format!("retention of {} {partition}", topic.name), &error),
                }
            }
        }
    }

    async fn compact(&self, horizon: Option<&Horizon>, report: &mut Report) {
        for _ in 0..PASSES_MAX {
            let jobs = match self.survey.jobs(horizon, self.clock.now()).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    report.fail("planning", &error);
                    break;
                }
            };
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

    async fn delete(&self, report: &mut Report) {
        let now = self.clock.now();
        match self.cleanup.delete_retired(now).await {
            Ok(deleted) => report.objects_deleted += deleted,
            Err(error) => report.fail("deleting retired objects", &error),
        }
        if let Err(error) = self.cleanup.trim_feed(now).await {
            report.fail("trimming the feed", &error);
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

    async fn sweep(&self, report: &mut Report) {
        let now = self.clock.now();
        match self.sweep.run(now).await {
            Ok(swept) => {
                report.orphans_found += swept.found;
                report.orphans_deleted += swept.deleted;
            }
            Err(error) => report.fail("sweeping orphans", &error),
        }
        let expired: Result<(), UpkeepError> = async {
            self.cleanup.expire_producers(now).await?;
            self.cleanup.expire_offsets(now).await
        }
        .await;
        if let Err(error) = expired {
            report.fail("expiring producers and offsets", &error);
        }
    }
}
