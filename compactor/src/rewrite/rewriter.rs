//! One job from its leases to its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alluvium_history::compute;
use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_metastore::log::Log;
use alluvium_model::{Extent, ObjectId, TopicPartition};
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use futures::future::join_all;
use tokio::sync::Semaphore;

use super::batch::{Batch, NewFile};
use super::error::{BuildFailure, RewriteError};
use super::file_builder::{Built, FileBuilder};
use super::job_result::JobResult;
use super::progress::Progress;
use super::slow_puts::SlowPuts;
use crate::Report;
use crate::failed_segments::FailedSegments;
use crate::held_leases::HeldLeases;
use crate::job_memory;
use crate::plan::{Compaction, Job};

/// Runs jobs.
#[derive(Clone)]
pub(crate) struct Rewriter {
    pub(crate) log: Log,
    /// The metastore's rows of objects.
    pub(crate) known: alluvium_metastore::objects::KnownObjects,
    pub(crate) leases: Arc<HeldLeases>,
    /// The bucket.
    pub(crate) objects: Objects,
    /// The bucket, for segments that failed before.
    pub(crate) impatient_objects: Objects,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    /// Slots for the PUTs of all jobs of this process.
    pub(crate) puts: Arc<Semaphore>,
    /// Segments that jobs could not read lately.
    pub(crate) failed: Arc<FailedSegments>,
    pub(crate) settings: RewriteSettings,
}

/// Settings of a [`Rewriter`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct RewriteSettings {
    /// Random id of this process: part of the names of its outputs.
    pub(crate) writer: u32,
    /// Size up to which a history file is written.
    pub(crate) file_bytes_target: u64,
    /// Memory of a job for segments that it has fetched and not yet added, bytes.
    pub(crate) read_ahead_bytes: u64,
    /// From retiring a replaced object to deleting it.
    pub(crate) retire_grace: Duration,
    /// An output that is not swapped in within this time of its start is abandoned.
    pub(crate) output_age_max: Duration,
}

/// The file of one compaction while it is built, or why building it failed.
pub(super) type BuilderResult = Result<FileBuilder, BuildFailure>;

/// Segments that a job could not read.
type FailedReads = BTreeMap<ObjectId, FailedRead>;

/// Why a segment could not be read, and for whom.
struct FailedRead {
    error: RewriteError,
    /// The first of the compactions that needed it.
    first: String,
    compactions: usize,
}

impl Rewriter {
    /// Runs `job` for those of its partitions that can be leased. What a batch of it has changed goes to `progress`, what
    /// is left at the end is returned. Failures are reported and can be planned again.
    pub(crate) async fn run(&self, job: &Job, progress: &Progress) -> JobResult {
        let key = |compaction: &Compaction| LeaseKey::Partition(compaction.partition);
        let keys: Vec<LeaseKey> = job.compactions().iter().map(key).collect();
        let leases = match self.leases.acquire(&keys).await {
            Ok(leases) => leases,
            Err(error) => return progress.failed("leasing partitions", &error),
        };
        progress.leased(leases.iter().flatten());
        let mut result = JobResult { is_end: true, ..JobResult::default() };
        let mut leased = Vec::new();
        for (compaction, lease) in job.compactions().iter().zip(leases) {
            let Some(lease) = lease else {
                result.report.leases_refused += 1;
                result.leave(compaction);
                continue;
            };
            leased.push((compaction, lease));
        }
        let compactions: Vec<&Compaction> = leased.iter().map(|(compaction, _)| *compaction).collect();
        let builders = match job {
            Job::Rewrite(_) => self.read_segments(&compactions).await,
            Job::Merge(_) => join_all(compactions.iter().map(|compaction| self.read_history_files(compaction))).await,
        };
        self.complete(leased, builders, progress, &mut result).await;
        result
    }

    /// Publishes the files that are built, some together, and reports why the others were not. After a batch whose
    /// leases were lost no more is written: this process has probably lost them all.
    async fn complete<'a>(
        &'a self,
        leased: Vec<(&'a Compaction, Lease)>,
        builders: Vec<BuilderResult>,
        progress: &Progress,
        result: &mut JobResult,
    ) {
        let bytes_max = job_memory::batch_bytes_max(self.settings.file_bytes_target);
        let (mut batch, mut slow) = (Batch::new(bytes_max), SlowPuts::new(bytes_max / 2));
        let (mut failed, mut unused) = (FailedReads::new(), Vec::new());
        let mut builders = builders.into_iter();
        let mut is_fenced = false;
        for (compaction, lease) in leased {
            let built = match builders.next() {
                Some(builder) if !is_fenced => self.finish(builder).await,
                Some(_) | None => Built::default(),
            };
            let broken = match built.failure {
                Some(failure) => self.note_failure(compaction, failure, &mut failed, &mut result.report).await,
                None => None,
            };
            let file = built.file.map(|file| NewFile::new(compaction, lease.clone(), file, broken.clone()));
            if let Some(file) = &file
                && !batch.has_room_for(file)
            {
                is_fenced |= self.publish(batch, &mut slow, progress).await;
                batch = Batch::new(bytes_max.saturating_sub(slow.bytes()));
            }
            match file.filter(|_| !is_fenced) {
                Some(file) => batch.add(file),
                None => {
                    result.leave(compaction);
                    result.broken.extend(broken.map(|extent| (compaction.partition, extent)));
                    unused.push(lease);
                }
            }
        }
        self.publish(batch, &mut slow, progress).await;
        self.failed.add(failed.keys().copied(), self.clock.now());
        for (object, FailedRead { error, first, compactions }) in failed {
            let what = format!("reading segment {object} for {compactions} compactions, of {first} first");
            result.report.fail(&what, &error);
        }
        self.release(&unused, progress).await;
        self.publish_slow(&mut slow, progress).await;
    }

    /// Ends the use of `leases` by a job.
    pub(super) async fn release(&self, leases: &[Lease], progress: &Progress) {
        self.leases.release(leases).await;
        progress.released(leases);
    }

    /// Finishes a file. One that ends before an input that could not be read is finished only if no later job will
    /// read that input either, as far as that can be known: a part costs as much as the whole.
    async fn finish(&self, builder: BuilderResult) -> Built {
        let failed = |failure| Built { file: None, failure: Some(failure) };
        let mut builder = match builder {
            Ok(builder) => builder,
            Err(failure) => return failed(failure),
        };
        if let Some(failure) = builder.take_missing_if(|failure| !self.is_lasting(failure)) {
            return failed(failure);
        }
        let stopped = |error: tokio::task::JoinError| failed(BuildFailure { error: error.into(), input: None });
        compute(move || builder.finish()).await.unwrap_or_else(stopped)
    }

    /// Whether the input cannot be read at all, or an earlier job could not read it either.
    fn is_lasting(&self, failure: &BuildFailure) -> bool {
        let has_failed = |input: &Extent| self.failed.contains(input.object);
        failure.error.is_caused_by_input() || failure.input.as_deref().is_some_and(has_failed)
    }

    /// Reports why an input is not in the file. Returns it if no other try can help.
    async fn note_failure(
        &self,
        compaction: &Compaction,
        failure: BuildFailure,
        failed: &mut FailedReads,
        report: &mut Report,
    ) -> Option<Extent> {
        let BuildFailure { error, input } = failure;
        if let Some(input) = &input
            && error.is_missing_input()
            && self.is_gone(compaction.partition, input).await
        {
            report.stale += 1;
            return None;
        }
        let is_broken = error.is_caused_by_input();
        match &input {
            // One line for all compactions that need the object.
            Some(input) if matches!(error, RewriteError::Objects(_)) => {
                let first = || format!("{} {}", compaction.topic, compaction.partition);
                let failed = failed.entry(input.object);
                failed.or_insert_with(|| FailedRead { error, first: first(), compactions: 0 }).compactions += 1;
            }
            _ => report.fail(&format!("rewriting {} {}", compaction.topic, compaction.partition), &error),
        }
        input.filter(|_| is_broken).map(|input| *input)
    }

    /// Whether `input` was replaced or trimmed away while the job waited. Its file is deleted before its object's row.
    async fn is_gone(&self, partition: TopicPartition, input: &Extent) -> bool {
        let found = self.log.find(partition, input.offsets.start, 1).await;
        found.is_ok_and(|found| found.first().is_none_or(|extent| extent.object != input.object))
    }
}
