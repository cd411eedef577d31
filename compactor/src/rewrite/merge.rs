//! Merges history files. Of shared ones all parts are written anew at once, because queries read every row of a file.
//!
//! The plan saw the extents of one partition. What its neighbours have in the same files is found here. Each partition
//! that has enough by now gets a file of its own, the others share again.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_history::{FinishedFile, HistoryFile, HistoryRecord, RangedRead, ReadError, compute};
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
use super::rewriter::{FailedReads, Rewriter};
use super::shared_file::SharedFile;
use super::source::ObjectSource;
use crate::plan::{self, Compaction, Part};

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

/// What a merge holds.
#[derive(Default)]
struct Held {
    leases: BTreeMap<TopicPartition, Lease>,
    /// The log starts of the leased partitions.
    starts: BTreeMap<TopicPartition, Offset>,
    /// The shared files among the inputs.
    files: BTreeMap<ObjectId, FetchedFile>,
}

impl Rewriter {
    /// Merges the inputs of `planned`, and all other parts of the shared files among them.
    pub(super) async fn merge(&self, planned: &Compaction, progress: &Progress) -> JobResult {
        let (mut held, mut first) = (Held::default(), planned.clone());
        let mut result = loop {
            match self.try_merge(&first, &mut held, progress).await {
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
        self.release(&held.leases.into_values().collect::<Vec<_>>(), progress).await;
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
                let mut failed = FailedReads::new();
                let broken = self.note_failure(planned, failure, &mut failed, &mut result.report).await;
                result.broken.extend(broken.map(|extent| (planned.partition, extent)));
                for (object, failed) in failed {
                    result.report.fail(&format!("reading history file {object}"), &failed.error);
                }
            }
        }
        result
    }

    /// Takes all leases first: a merge that one refuses has cost no more.
    async fn try_merge(
        &self,
        planned: &Compaction,
        held: &mut Held,
        progress: &Progress,
    ) -> Result<JobResult, Unmerged> {
        let is_shared = planned.shared_files().next().is_some();
        let partitions = if is_shared { plan::neighbours(planned.partition) } else { vec![planned.partition] };
        self.lease(partitions, held, progress).await?;
        if !held.leases.contains_key(&planned.partition) {
            return Err(Unmerged::Stale);
        }
        self.fetch_shared(planned, held).await?;
        // None, as long as nobody has changed who the neighbours are.
        let others = parts(held).map(|(_, partition, _)| partition).collect();
        self.lease(others, held, progress).await?;

        let mut compactions = self.other_parts(planned, held).await?;
        compactions.push(planned.clone());
        plan::sort(&mut compactions);
        let inputs: usize = compactions.iter().map(|compaction| compaction.inputs.len()).sum();
        if inputs > limits::SWAP_INPUTS_MAX || compactions.len() > limits::SWAP_PARTITIONS_MAX {
            return Err(Unmerged::TooLarge(InvalidSwap::TooLarge { inputs, outputs: compactions.len() }));
        }
        let outputs = self.write_merged(&compactions, held).await?;
        held.files.clear();
        Ok(self.publish_together(outputs).await)
    }

    /// Leases those of `partitions` that exist, and reads their log starts.
    async fn lease(
        &self,
        mut partitions: Vec<TopicPartition>,
        held: &mut Held,
        progress: &Progress,
    ) -> Result<(), Unmerged> {
        partitions.retain(|of| !held.leases.contains_key(of));
        if partitions.is_empty() {
            return Ok(());
        }
        let heads = self.log.heads(&partitions).await?;
        let heads: Vec<_> = partitions.into_iter().zip(heads).filter_map(|(of, head)| Some((of, head?))).collect();
        let keys: Vec<LeaseKey> = heads.iter().map(|(partition, _)| LeaseKey::Partition(*partition)).collect();
        let acquired = self.leases.acquire(&keys).await?;
        progress.leased(acquired.iter().flatten());
        let is_whole = acquired.iter().all(Option::is_some);
        held.leases.extend(heads.iter().zip(acquired).filter_map(|((partition, _), lease)| Some((*partition, lease?))));
        held.starts.extend(heads.into_iter().map(|(partition, head)| (partition, head.start)));
        if is_whole { Ok(()) } else { Err(Unmerged::LeaseRefused) }
    }

    /// Fetches the shared files among the inputs of `planned`, and no others.
    async fn fetch_shared(&self, planned: &Compaction, held: &mut Held) -> Result<(), Unmerged> {
        let wanted: BTreeSet<ObjectId> = planned.shared_files().collect();
        held.files.retain(|id, _| wanted.contains(id));
        let missing =
            planned.inputs.iter().filter(|input| input.is_shared() && !held.files.contains_key(&input.object));
        let fetches: Vec<_> = missing
            .map(|input| {
                async move { Ok::<_, Unmerged>((input.object, self.fetch_whole(planned, input).await?)) }.boxed()
            })
            .collect();
        let fetched: Vec<_> = stream::iter(fetches).buffered(FETCHES_MAX).try_collect().await?;
        held.files.extend(fetched);
        Ok(())
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

    /// What the neighbours still have in the files, adjacent extents together.
    async fn other_parts(&self, planned: &Compaction, held: &Held) -> Result<Vec<Compaction>, Unmerged> {
        let others = parts(held).filter(|(_, partition, _)| *partition != planned.partition);
        let lookups = others.map(|(id, partition, offsets)| {
            let lookup = async move {
                let found = self.log.find(partition, offsets.start, 1).await?.into_iter().next();
                let found = found.filter(|extent| extent.object == id && extent.offsets == *offsets);
                Ok::<_, Unmerged>(found.map(|extent| (partition, extent)))
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
                    topic: planned.topic.clone(),
                    partition,
                    log_start: *held.starts.get(&partition).ok_or(Unmerged::Stale)?,
                    inputs: vec![extent],
                }),
            }
        }
        Ok(compactions)
    }

    /// The files of `compactions`.
    async fn write_merged<'a>(&self, compactions: &'a [Compaction], held: &Held) -> Result<Vec<NewFile<'a>>, Unmerged> {
        let mut written: Vec<NewFile<'a>> = Vec::new();
        let (mut open, mut parts): (Option<SharedFile>, Vec<FilePart<'a>>) = (None, Vec::new());
        for compaction in compactions {
            let Compaction { topic, partition, inputs, .. } = compaction;
            let part = Part { partition: *partition, bytes: compaction.bytes(), inputs: inputs.len() };
            let joins = |file: &SharedFile| self.settings.sharing.joins(&file.written(), &part);
            let is_small = self.settings.sharing.is_small(part.bytes);
            if let Some(file) = open.take_if(|file| !is_small || !joins(file)) {
                written.push(NewFile { parts: std::mem::take(&mut parts), file: finish(file).await? });
            }
            let (offsets, compression) = (compaction.offsets(), self.settings.compression);
            let mut file =
                SharedFile::begin(open.take(), topic, &part, &offsets, compression).map_err(RewriteError::from)?;
            for input in inputs {
                file = self.copy_part(compaction, input, held.files.get(&input.object), file).await?;
            }
            let lease = held.leases.get(partition).ok_or(Unmerged::Stale)?;
            parts.push(FilePart::new(compaction, lease.clone(), inputs.len(), None));
            if is_small {
                open = Some(file);
            } else {
                written.push(NewFile { parts: std::mem::take(&mut parts), file: finish(file).await? });
            }
        }
        if let Some(file) = open {
            written.push(NewFile { parts, file: finish(file).await? });
        }
        Ok(written)
    }

    /// Copies the records of `input` from the log start on; `fetched` is its file if it is a shared one.
    async fn copy_part(
        &self,
        compaction: &Compaction,
        input: &Extent,
        fetched: Option<&FetchedFile>,
        mut to: SharedFile,
    ) -> Result<SharedFile, RewriteError> {
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
            to = compute(move || push_all(to, &records, log_start)).await??;
        }
        Ok(to)
    }
}

/// The parts of the files: file, partition, offsets.
fn parts(held: &Held) -> impl Iterator<Item = (ObjectId, TopicPartition, &std::ops::Range<Offset>)> {
    let identities =
        held.files.iter().flat_map(|(id, fetched)| fetched.file.identities().iter().map(move |of| (id, of)));
    identities.map(|(id, identity)| (*id, identity.partition, &identity.offsets))
}

fn push_all(mut to: SharedFile, records: &[HistoryRecord], log_start: Offset) -> Result<SharedFile, RewriteError> {
    records.iter().filter(|record| record.offset >= log_start).try_for_each(|record| to.writer.push(record))?;
    Ok(to)
}

async fn finish(file: SharedFile) -> Result<FinishedFile, RewriteError> {
    Ok(compute(move || file.finish()).await??)
}
