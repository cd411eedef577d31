//! One job from its leases to its report.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_history::compute;
use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_metastore::log::Log;
use alluvium_model::{Extent, ObjectId, TopicPartition};
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use futures::future::join_all;
use tokio::sync::Semaphore;

use super::batch::{Batch, FilePart, NewFile};
use super::error::{BuildFailure, RewriteError};
use super::file_builder::BuilderResult;
use super::job_result::JobResult;
use super::progress::Progress;
use super::shared_file::{BuiltPart, BuiltTogether, finish_together};
use super::unread::UnreadSegments;
use crate::Report;
use crate::held_leases::HeldLeases;
use crate::job_memory;
use crate::plan::{Compaction, Job, Sharing};

/// Runs jobs.
#[derive(Clone)]
pub(crate) struct Rewriter {
    pub(crate) log: Log,
    /// The metastore's rows of objects.
    pub(crate) known: alluvium_metastore::objects::KnownObjects,
    pub(crate) leases: Arc<HeldLeases>,
    /// The bucket.
    pub(crate) objects: Objects,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    /// Slots for the PUTs of all jobs of this process.
    pub(crate) puts: Arc<Semaphore>,
    /// Segments that jobs could not read lately.
    pub(crate) unread: Arc<Mutex<UnreadSegments>>,
    pub(crate) settings: RewriteSettings,
}

/// Settings of a [`Rewriter`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct RewriteSettings {
    /// Random id of this process: part of the names of its outputs.
    pub(crate) writer: u32,
    /// Size up to which a history file is written.
    pub(crate) file_bytes_target: u64,
    /// Whether partitions with little data share files.
    pub(crate) shares_files: bool,
    /// Memory of a job for segments that it has fetched and not yet added, bytes.
    pub(crate) read_ahead_bytes: u64,
    /// From retiring a replaced object to deleting it.
    pub(crate) retire_grace: Duration,
    /// An output that is not swapped in within this time of its start is abandoned.
    pub(crate) output_age_max: Duration,
}

/// Segments that could not be read.
pub(super) type Unread = BTreeMap<ObjectId, FailedRead>;

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
        if let Job::Merge(merge) = job
            && merge.shared_files().next().is_some()
        {
            for (_, lease) in leased {
                result = self.merge_shared(merge, lease, progress).await;
            }
            return JobResult { is_end: true, ..result };
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
    async fn complete(
        &self,
        leased: Vec<(&Compaction, Lease)>,
        builders: Vec<BuilderResult>,
        progress: &Progress,
        result: &mut JobResult,
    ) {
        let bytes_max = job_memory::batch_bytes_max(self.settings.file_bytes_target);
        let (mut batch, mut unread, mut unused) = (Batch::new(bytes_max), Unread::new(), Vec::new());
        let compactions: Vec<&Compaction> = leased.iter().map(|(compaction, _)| *compaction).collect();
        let (mut builders, mut leased) = (builders.into_iter(), leased.into_iter());
        let mut is_fenced = false;
        for file in self.files(&compactions) {
            let builders: Vec<BuilderResult> = builders.by_ref().take(file.len()).collect();
            let BuiltTogether { file: built, parts: done } =
                if is_fenced { BuiltTogether::default() } else { self.finish(builders).await };
            let (mut parts, mut done) = (Vec::new(), done.into_iter());
            for (compaction, lease) in leased.by_ref().take(file.len()) {
                let BuiltPart { inputs, failure } = done.next().unwrap_or_default();
                let broken = match failure {
                    Some(failure) => self.note_failure(compaction, failure, &mut unread, &mut result.report).await,
                    None => None,
                };
                if inputs > 0 {
                    parts.push(FilePart::new(compaction, lease, inputs, broken));
                } else {
                    result.leave(compaction);
                    result.broken.extend(broken.map(|extent| (compaction.partition, extent)));
                    unused.push(lease);
                }
            }
            let Some(file) = built.map(|file| NewFile { parts, file }) else { continue };
            if !batch.has_room_for(&file) {
                is_fenced = self.publish(std::mem::replace(&mut batch, Batch::new(bytes_max)), progress).await;
            }
            if is_fenced {
                for FilePart { compaction, lease, broken, .. } in file.parts {
                    result.leave(compaction);
                    result.broken.extend(broken.map(|extent| (compaction.partition, extent)));
                    unused.push(lease);
                }
            } else {
                batch.add(file);
            }
        }
        self.publish(batch, progress).await;
        self.unread().add(unread.keys().copied());
        for (object, FailedRead { error, first, compactions }) in unread {
            let what = format!("reading segment {object} for {compactions} compactions, of {first} first");
            result.report.fail(&what, &error);
        }
        self.release(&unused, progress).await;
    }

    /// Ends the use of `leases` by a job.
    pub(super) async fn release(&self, leases: &[Lease], progress: &Progress) {
        self.leases.release(leases).await;
        progress.released(leases);
    }

    /// Finishes a file. One that ends before an input that could not be read is finished only if no later job will
    /// read that input either, as far as that can be known: a part costs as much as the whole.
    async fn finish(&self, builders: Vec<BuilderResult>) -> BuiltTogether {
        let lasting = |builder: BuilderResult| {
            let mut builder = builder?;
            match builder.take_missing_if(|failure| !self.is_lasting(failure)) {
                Some(failure) => Err(failure),
                None => Ok(builder),
            }
        };
        let builders = builders.into_iter().map(lasting).collect();
        compute(move || finish_together(builders)).await.unwrap_or_else(|stopped| {
            let failure = Some(BuildFailure { error: stopped.into(), input: None });
            BuiltTogether { file: None, parts: vec![BuiltPart { inputs: 0, failure }] }
        })
    }

    /// Whether the input cannot be read at all, or an earlier job could not read it either.
    fn is_lasting(&self, failure: &BuildFailure) -> bool {
        let is_unread = |input: &Extent| self.unread().contains(input.object);
        failure.error.is_caused_by_input() || failure.input.as_deref().is_some_and(is_unread)
    }

    pub(super) fn unread(&self) -> MutexGuard<'_, UnreadSegments> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of `compactions` become one file.
    pub(super) fn files(&self, compactions: &[&Compaction]) -> Vec<Range<usize>> {
        let RewriteSettings { shares_files, file_bytes_target, .. } = self.settings;
        if shares_files {
            Sharing::of(file_bytes_target).files(compactions)
        } else {
            (0..compactions.len()).map(|at| at..at + 1).collect()
        }
    }

    /// Reports why an input is not in the file. Returns it if no other try can help.
    pub(super) async fn note_failure(
        &self,
        compaction: &Compaction,
        failure: BuildFailure,
        unread: &mut Unread,
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
                let unread = unread.entry(input.object);
                unread.or_insert_with(|| FailedRead { error, first: first(), compactions: 0 }).compactions += 1;
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
