//! One job from its leases to its report.

use std::sync::Arc;
use std::time::Duration;

use alluvium_history::compute;
use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_metastore::log::Log;
use alluvium_model::{Extent, TopicPartition};
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};

use super::batch::{Batch, NewFile};
use super::error::BuildFailure;
use super::file_builder::{BuiltFile, FileBuilder};
use crate::Report;
use crate::held_leases::HeldLeases;
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
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) settings: RewriteSettings,
}

/// Settings of a [`Rewriter`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct RewriteSettings {
    /// Random id of this process: part of the names of its outputs.
    pub(crate) writer: u32,
    /// Size up to which a history file is written.
    pub(crate) file_bytes_target: u64,
    /// From retiring a replaced object to deleting it.
    pub(crate) retire_grace: Duration,
    /// An output that is not swapped in within this time of its start is abandoned.
    pub(crate) output_age_max: Duration,
}

/// The result of a job.
#[derive(Default)]
pub(crate) struct JobResult {
    pub(crate) report: Report,
    /// Inputs that could not be read.
    pub(crate) broken: Vec<(TopicPartition, Extent)>,
    /// Inputs that a file has replaced.
    pub(crate) replaced: Vec<(TopicPartition, Vec<Extent>)>,
}

impl JobResult {
    /// The result of a job that did not come to its end.
    pub(crate) fn failed(what: &str, error: &dyn std::fmt::Display) -> Self {
        let mut result = Self::default();
        result.report.fail(what, error);
        result
    }
}

/// The file of one compaction while it is built, or why building it failed.
pub(super) type BuilderResult = Result<FileBuilder, BuildFailure>;

impl Rewriter {
    /// Runs `job` for those of its partitions that can be leased. Failures are reported and can be planned again.
    pub(crate) async fn run(&self, job: Job) -> JobResult {
        let mut result = JobResult::default();
        let compactions = job.compactions();
        let key = |compaction: &Compaction| LeaseKey::Partition(compaction.partition);
        let keys: Vec<LeaseKey> = compactions.iter().map(key).collect();
        let leases = match self.leases.acquire(&keys).await {
            Ok(leases) => leases,
            Err(error) => {
                result.report.fail("leasing partitions", &error);
                return result;
            }
        };
        result.report.leases_refused = leases.iter().map(|lease| u64::from(lease.is_none())).sum();
        let leased = |compactions: Vec<Compaction>| {
            compactions.into_iter().zip(&leases).filter_map(|(compaction, lease)| Some((compaction, lease.clone()?)))
        };
        match job {
            Job::Rewrite(compactions) => {
                let (compactions, leases): (Vec<_>, Vec<_>) = leased(compactions).unzip();
                let builders = self.read_segments(&compactions).await;
                self.complete(&compactions, &leases, builders, &mut result).await;
            }
            Job::Merge(compaction) => {
                let (compactions, leases): (Vec<_>, Vec<_>) = leased(vec![compaction]).unzip();
                for compaction in &compactions {
                    let builder = self.read_history_files(compaction).await;
                    self.complete(&compactions, &leases, vec![builder], &mut result).await;
                }
            }
        }
        self.leases.release(&leases.into_iter().flatten().collect::<Vec<_>>()).await;
        result
    }

    pub(super) fn new_builder(&self, compaction: &Compaction) -> FileBuilder {
        FileBuilder::new(compaction, self.settings.file_bytes_target)
    }

    /// Publishes the files that were built, some together, and reports why the others were not.
    async fn complete(
        &self,
        compactions: &[Compaction],
        leases: &[Lease],
        builders: Vec<BuilderResult>,
        result: &mut JobResult,
    ) {
        let mut batch = Batch::default();
        for ((compaction, lease), builder) in compactions.iter().zip(leases).zip(builders) {
            let built = match builder {
                Ok(builder) => finish(builder).await,
                Err(failure) => Err(failure),
            };
            match built {
                Ok(None) => {}
                Ok(Some(built)) => {
                    let file = NewFile::new(compaction, lease, built);
                    if !batch.has_room_for(&file) {
                        self.publish(std::mem::take(&mut batch), result).await;
                    }
                    batch.add(file);
                }
                Err(failure) => self.report_failure(compaction, failure, result).await,
            }
        }
        self.publish(batch, result).await;
    }

    async fn report_failure(&self, compaction: &Compaction, failure: BuildFailure, result: &mut JobResult) {
        let BuildFailure { error, input } = failure;
        if let Some(input) = &input
            && error.is_missing_input()
            && self.is_gone(compaction.partition, input).await
        {
            result.report.stale += 1;
            return;
        }
        let broken = input.filter(|_| error.is_caused_by_input());
        result.broken.extend(broken.map(|extent| (compaction.partition, *extent)));
        result.report.fail(&format!("rewriting {} {}", compaction.topic, compaction.partition), &error);
    }

    /// Whether `input` was replaced or trimmed away while the job waited. Its file is deleted before its object's row.
    async fn is_gone(&self, partition: TopicPartition, input: &Extent) -> bool {
        let found = self.log.find(partition, input.offsets.start, 1).await;
        found.is_ok_and(|found| found.first().is_none_or(|extent| extent.object != input.object))
    }
}

async fn finish(builder: FileBuilder) -> Result<Option<BuiltFile>, BuildFailure> {
    let stopped = |error: tokio::task::JoinError| Err(BuildFailure { error: error.into(), input: None });
    compute(move || builder.finish()).await.unwrap_or_else(stopped)
}
