//! One job from its leases to its report.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use alluvium_history::compute;
use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_metastore::log::Log;
use alluvium_model::{Extent, ObjectId, TopicPartition};
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use tokio::sync::Semaphore;

use super::batch::{Batch, FilePart, NewFile};
use super::error::{BuildFailure, RewriteError};
use super::file_builder::BuilderResult;
use super::job_result::JobResult;
use super::next_file::{BuiltPart, NextFile, next_file};
use super::progress::Progress;
use super::settings::RewriteSettings;
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

/// Segments that a job could not read.
pub(super) type FailedReads = BTreeMap<ObjectId, FailedRead>;

/// Why a segment could not be read, and for whom.
pub(super) struct FailedRead {
    pub(super) error: RewriteError,
    /// The first of the compactions that needed it.
    first: String,
    compactions: usize,
}

impl Rewriter {
    /// Runs `job` for those of its partitions that can be leased. What a batch of it has changed goes to `progress`, what
    /// is left at the end is returned. Failures are reported and can be planned again.
    pub(crate) async fn run(&self, job: &Job, progress: &Progress) -> JobResult {
        let result = match job {
            Job::Rewrite(rewrites) => self.rewrite(rewrites, progress).await,
            Job::Merge(merge) => self.merge(merge, progress).await,
        };
        JobResult { is_end: true, ..result }
    }

    async fn rewrite(&self, rewrites: &[Compaction], progress: &Progress) -> JobResult {
        let keys: Vec<_> = rewrites.iter().map(|rewrite| LeaseKey::Partition(rewrite.partition)).collect();
        let leases = match self.leases.acquire(&keys).await {
            Ok(leases) => leases,
            Err(error) => return progress.failed("leasing partitions", &error),
        };
        progress.leased(leases.iter().flatten());
        let mut result = JobResult::default();
        let mut leased = Vec::new();
        for (compaction, lease) in rewrites.iter().zip(leases) {
            let Some(lease) = lease else {
                result.report.leases_refused += 1;
                result.leave(compaction);
                continue;
            };
            leased.push((compaction, lease));
        }
        let compactions: Vec<&Compaction> = leased.iter().map(|(compaction, _)| *compaction).collect();
        let builders = self.read_segments(&compactions).await;
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
        let mut waiting: VecDeque<_> = builders.into_iter().map(|builder| self.if_lasting(builder)).collect();
        let (mut leased, mut is_fenced) = (leased.into_iter(), false);
        while !waiting.is_empty() && !is_fenced {
            let (NextFile { file, parts: built }, rest) = self.next_file(waiting).await;
            waiting = rest;
            let built = leased.by_ref().take(built.len()).zip(built);
            let mut parts = self.note_failures(built, &mut failed, &mut result.report).await;
            let unwritten = parts.extract_if(.., |part| part.inputs.is_empty() || file.is_none());
            unused.extend(unwritten.map(|part| part.leave(result)));
            let Some(file) = file.map(|file| NewFile { parts, file }) else { continue };
            if !batch.has_room_for(&file) {
                is_fenced |= self.publish(batch, &mut slow, progress).await;
                batch = Batch::new(bytes_max.saturating_sub(slow.bytes()));
            }
            if is_fenced {
                unused.extend(file.parts.into_iter().map(|part| part.leave(result)));
            } else {
                batch.add(file);
            }
        }
        for (compaction, lease) in leased {
            result.leave(compaction);
            unused.push(lease);
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

    /// The parts of a file, also those without inputs, and reports why they are not larger.
    async fn note_failures<'a>(
        &self,
        built: impl Iterator<Item = ((&'a Compaction, Lease), BuiltPart)>,
        failed: &mut FailedReads,
        report: &mut Report,
    ) -> Vec<FilePart<'a>> {
        let mut parts = Vec::new();
        for ((compaction, lease), BuiltPart { inputs, failure }) in built {
            let broken = match failure {
                Some(failure) => self.note_failure(compaction, failure, failed, report).await,
                None => None,
            };
            parts.push(FilePart::new(compaction, lease, inputs, broken));
        }
        parts
    }

    /// Ends the use of `leases` by a job.
    pub(super) async fn release(&self, leases: &[Lease], progress: &Progress) {
        self.leases.release(leases).await;
        progress.released(leases);
    }

    /// A builder whose file ends before an input that could not be read is finished only if no later job will read that
    /// input either, as far as that can be known: a part costs as much as the whole.
    fn if_lasting(&self, builder: BuilderResult) -> BuilderResult {
        let mut builder = builder?;
        match builder.take_missing_if(|failure| !self.is_lasting(failure)) {
            Some(failure) => Err(failure),
            None => Ok(builder),
        }
    }

    /// Finishes the next file of the builders that wait; returns those that still do.
    async fn next_file(&self, mut waiting: VecDeque<BuilderResult>) -> (NextFile, VecDeque<BuilderResult>) {
        let sharing = self.settings.sharing;
        let finished = compute(move || (next_file(&mut waiting, sharing), waiting)).await;
        finished.unwrap_or_else(|stopped| {
            let failure = Some(BuildFailure { error: stopped.into(), input: None });
            (NextFile { file: None, parts: vec![BuiltPart { inputs: 0, failure }] }, VecDeque::new())
        })
    }

    /// Whether the input cannot be read at all, or an earlier job could not read it either.
    fn is_lasting(&self, failure: &BuildFailure) -> bool {
        let has_failed = |input: &Extent| self.failed.contains(input.object);
        failure.error.is_caused_by_input() || failure.input.as_deref().is_some_and(has_failed)
    }

    /// Reports why an input is not in the file. Returns it if no other try can help.
    pub(super) async fn note_failure(
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
