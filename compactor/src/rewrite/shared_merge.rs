//! Merges shared history files: all their parts at once, because queries read every row of a file.
//!
//! The plan saw the extents of one partition. What the other partitions have in the same files is found here. Each
//! partition that has enough by now gets a file of its own, the others share again.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_history::{FinishedFile, HistoryFile, HistoryRecord, HistoryWriter, RangedRead, ReadError, compute};
use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_metastore::log::SwapError;
use alluvium_model::log::swap::InvalidSwap;
use alluvium_model::{Extent, ObjectId, Offset, TopicPartition, limits, object_key};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::batch::{FilePart, NewFile};
use super::error::{BuildFailure, RewriteError};
use super::fetched_file::{FetchedFile, Memory};
use super::input_records::{InputRecords, part_of};
use super::job_result::JobResult;
use super::progress::Progress;
use super::rewriter::{Rewriter, Unread};
use super::source::ObjectSource;
use crate::plan::Compaction;

/// Files fetched at a time, to hide their latency.
const FETCHES_MAX: usize = 4;
/// Inputs that are always few enough for one transaction: 50 partitions have one run of extents in each.
const INPUTS_MIN: usize = 2;
/// Extents looked up at a time: those of 50 partitions in 16 files take about 50 times as long as one.
const LOOKUPS_MAX: usize = 16;

/// Why nothing was merged.
enum Unmerged {
    /// Another compactor holds a lease.
    LeaseRefused,
    /// What was planned has changed.
    Stale,
    /// One transaction cannot replace so much: partitions that were busy in between have many runs of extents.
    TooLarge(InvalidSwap),
    /// It failed, perhaps because an input is damaged.
    Failed(RewriteError),
}

impl From<RewriteError> for Unmerged {
    fn from(error: RewriteError) -> Self {
        Self::Failed(error)
    }
}

impl From<alluvium_metastore::Error> for Unmerged {
    fn from(error: alluvium_metastore::Error) -> Self {
        Self::Failed(SwapError::from(error).into())
    }
}

type FetchedFiles = BTreeMap<ObjectId, FetchedFile>;

impl Rewriter {
    /// Merges the inputs of `planned`, some of which lie in shared files, and all other parts of these files.
    pub(super) async fn merge_shared(&self, planned: &Compaction, lease: Lease, progress: &Progress) -> JobResult {
        let mut leases = BTreeMap::from([(planned.partition, lease)]);
        let mut first = planned.clone();
        let mut result = loop {
            match self.try_merge_shared(&first, &mut leases, progress).await {
                Ok(result) => break result,
                Err(Unmerged::TooLarge(_)) if first.inputs.len() > INPUTS_MIN => {
                    first.inputs.truncate(first.inputs.len().div_ceil(2));
                }
                Err(unmerged) => break self.report_unmerged(planned, unmerged).await,
            }
        };
        if first.inputs.len() < planned.inputs.len() {
            // The rest is planned again.
            result.leave(planned);
        }
        self.release(&leases.into_values().collect::<Vec<_>>(), progress).await;
        result
    }

    async fn report_unmerged(&self, planned: &Compaction, unmerged: Unmerged) -> JobResult {
        let mut result = JobResult::default();
        result.leave(planned);
        match unmerged {
            Unmerged::LeaseRefused => result.report.leases_refused += 1,
            Unmerged::Stale => result.report.stale += 1,
            Unmerged::TooLarge(error) => {
                let what = format!("merging files that {} {} shares", planned.topic, planned.partition);
                result.report.fail(&what, &error);
            }
            Unmerged::Failed(error) => {
                let damaged = planned.inputs.iter().find(|input| error.object() == Some(input.object));
                let failure = BuildFailure { input: damaged.cloned().map(Box::new), error };
                let mut unread = Unread::new();
                let broken = self.note_failure(planned, failure, &mut unread, &mut result.report).await;
                result.broken.extend(broken.map(|extent| (planned.partition, extent)));
                for (object, unread) in unread {
                    result.report.fail(&format!("reading history file {object}"), &unread.error);
                }
            }
        }
        result
    }

    async fn try_merge_shared(
        &self,
        planned: &Compaction,
        leases: &mut BTreeMap<TopicPartition, Lease>,
        progress: &Progress,
    ) -> Result<JobResult, Unmerged> {
        let files = self.fetch_shared(planned).await?;
        let identities = files.values().flat_map(|fetched| fetched.file.identities());
        let others: BTreeSet<TopicPartition> =
            identities.map(|identity| identity.partition).filter(|of| *of != planned.partition).collect();
        self.lease_all(&others, leases, progress).await?;
        let mut compactions = self.other_parts(&planned.topic, &others, &files).await?;
        compactions.push(planned.clone());
        compactions.sort_by_key(|compaction| (compaction.partition, compaction.offsets().start));
        let inputs: usize = compactions.iter().map(|compaction| compaction.inputs.len()).sum();
        if inputs > limits::SWAP_INPUTS_MAX || compactions.len() > limits::SWAP_PARTITIONS_MAX {
            return Err(Unmerged::TooLarge(InvalidSwap::TooLarge { inputs, outputs: compactions.len() }));
        }
        let mut outputs = Vec::new();
        let all: Vec<&Compaction> = compactions.iter().collect();
        for together in self.files(&all) {
            let together = &compactions[together];
            let file = self.write_merged(together, &files).await?;
            let mut parts = Vec::with_capacity(together.len());
            for compaction in together {
                let lease = leases.get(&compaction.partition).ok_or(Unmerged::LeaseRefused)?;
                parts.push(FilePart::new(compaction, lease.clone(), compaction.inputs.len(), None));
            }
            outputs.push(NewFile { parts, file });
        }
        drop(files);
        Ok(self.publish_together(outputs).await)
    }

    /// Fetches the shared files among the inputs of `planned`.
    async fn fetch_shared(&self, planned: &Compaction) -> Result<FetchedFiles, Unmerged> {
        let shared = planned.inputs.iter().filter(|input| input.is_shared());
        let fetches: Vec<_> = shared
            .map(|input| {
                let fetched = async move { Ok((input.object, self.fetch_whole(planned, input).await?)) };
                fetched.boxed()
            })
            .collect();
        stream::iter(fetches).buffered(FETCHES_MAX).try_collect().await
    }

    async fn fetch_whole(&self, planned: &Compaction, input: &Extent) -> Result<FetchedFile, RewriteError> {
        let key = object_key::of_extent(&planned.topic, planned.partition, input);
        let bytes = self.objects.get_range(&key, 0..input.file_bytes()).await;
        let bytes = bytes.map_err(|error| RewriteError::Read(input.object, ReadError::Source(error.into())))?;
        let opened = HistoryFile::open(&Memory(bytes.clone())).await;
        let file = opened.map_err(|error| RewriteError::Read(input.object, error))?;
        part_of(&file, planned.partition, input)?;
        Ok(FetchedFile { bytes, file })
    }

    /// Leases those of `partitions` that are not among `leases`.
    async fn lease_all(
        &self,
        partitions: &BTreeSet<TopicPartition>,
        leases: &mut BTreeMap<TopicPartition, Lease>,
        progress: &Progress,
    ) -> Result<(), Unmerged> {
        let new: Vec<TopicPartition> = partitions.iter().copied().filter(|of| !leases.contains_key(of)).collect();
        let keys: Vec<LeaseKey> = new.iter().map(|partition| LeaseKey::Partition(*partition)).collect();
        let acquired = self.leases.acquire(&keys).await?;
        progress.leased(acquired.iter().flatten());
        let is_whole = acquired.iter().all(Option::is_some);
        leases.extend(new.into_iter().zip(acquired).filter_map(|(partition, lease)| Some((partition, lease?))));
        if is_whole { Ok(()) } else { Err(Unmerged::LeaseRefused) }
    }

    /// What `partitions` still have in `files`, adjacent extents together.
    async fn other_parts(
        &self,
        topic: &str,
        partitions: &BTreeSet<TopicPartition>,
        files: &FetchedFiles,
    ) -> Result<Vec<Compaction>, Unmerged> {
        let partitions: Vec<TopicPartition> = partitions.iter().copied().collect();
        let heads = self.log.heads(&partitions).await?;
        let mut starts = BTreeMap::new();
        for (partition, head) in partitions.iter().zip(heads) {
            starts.insert(*partition, head.ok_or(Unmerged::Stale)?.start);
        }
        let parts = files.iter().flat_map(|(id, fetched)| fetched.file.identities().iter().map(|of| (*id, of.clone())));
        let lookups = parts.filter(|(_, identity)| starts.contains_key(&identity.partition)).map(|(id, identity)| {
            let lookup = async move {
                let found = self.log.find(identity.partition, identity.offsets.start, 1).await?.into_iter().next();
                let found = found.filter(|extent| extent.object == id && extent.offsets == identity.offsets);
                Ok::<_, Unmerged>(found.map(|extent| (identity.partition, extent)))
            };
            lookup.boxed()
        });
        let lookups: Vec<_> = lookups.collect();
        let found: Vec<_> = stream::iter(lookups).buffered(LOOKUPS_MAX).try_collect().await?;
        let mut found: Vec<(TopicPartition, Extent)> = found.into_iter().flatten().collect();
        found.sort_by_key(|(partition, extent)| (*partition, extent.offsets.start));
        let mut compactions: Vec<Compaction> = Vec::new();
        for (partition, extent) in found {
            match compactions.last_mut() {
                Some(last) if last.partition == partition && last.offsets().end == extent.offsets.start => {
                    last.inputs.push(extent);
                }
                _ => compactions.push(Compaction {
                    topic: topic.to_owned(),
                    partition,
                    log_start: starts.get(&partition).copied().unwrap_or(Offset(0)),
                    inputs: vec![extent],
                }),
            }
        }
        Ok(compactions)
    }

    /// One file of `compactions`.
    async fn write_merged(
        &self,
        compactions: &[Compaction],
        files: &FetchedFiles,
    ) -> Result<FinishedFile, RewriteError> {
        let mut written: Option<(HistoryWriter, Offset)> = None;
        for compaction in compactions {
            let Compaction { topic, partition, .. } = compaction;
            let offsets = compaction.offsets();
            let mut writer = match written {
                None if compactions.len() == 1 => HistoryWriter::new(topic, *partition, offsets.start)?,
                None => HistoryWriter::shared(topic, *partition, offsets.start)?,
                Some((mut writer, end)) => {
                    writer.next_partition(end, partition.partition, offsets.start)?;
                    writer
                }
            };
            for input in &compaction.inputs {
                writer = self.copy_part(compaction, input, files.get(&input.object), writer).await?;
            }
            written = Some((writer, offsets.end));
        }
        let (writer, end) = written.expect("a file has a partition");
        Ok(compute(move || writer.finish(end)).await??)
    }

    /// Copies the records of `input` from the log start on; `fetched` is its file if it is a shared one.
    async fn copy_part(
        &self,
        compaction: &Compaction,
        input: &Extent,
        fetched: Option<&FetchedFile>,
        mut writer: HistoryWriter,
    ) -> Result<HistoryWriter, RewriteError> {
        let key = object_key::of_extent(&compaction.topic, compaction.partition, input);
        let (source, file): (Box<dyn RangedRead>, HistoryFile) = match fetched {
            Some(FetchedFile { bytes, file }) => (Box::new(Memory(bytes.clone())), file.clone()),
            None => {
                let source = ObjectSource::new(self.objects.clone(), key, input.file_bytes());
                let opened = HistoryFile::open(&source).await;
                (Box::new(source), opened.map_err(|error| RewriteError::Read(input.object, error))?)
            }
        };
        let log_start = compaction.log_start;
        let mut records = InputRecords::of(&file, source, compaction.partition, input)?;
        while let Some(records) = records.next().await? {
            writer = compute(move || push_all(writer, &records, log_start)).await??;
        }
        Ok(writer)
    }
}

fn push_all(
    mut writer: HistoryWriter,
    records: &[HistoryRecord],
    log_start: Offset,
) -> Result<HistoryWriter, RewriteError> {
    records.iter().filter(|record| record.offset >= log_start).try_for_each(|record| writer.push(record))?;
    Ok(writer)
}
