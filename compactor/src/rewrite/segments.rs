//! Reads segments into the files of a job, each segment once for all of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use alluvium_history::compute;
use alluvium_model::{Extent, ExtentSource, object_key};
use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, stream};

use super::error::BuildFailure;
use super::file_builder::FileBuilder;
use super::rewriter::{BuilderResult, Rewriter};
use super::schedule::{SegmentRead, schedule};
use crate::plan::Compaction;

/// Segments fetched ahead of the one being decoded: hides their latency, for a few times 8 MiB of memory.
const READ_AHEAD: usize = 4;

/// A run for one of the compactions, or why it could not be read.
struct FetchedRun {
    /// Index of the compaction.
    compaction: usize,
    extent: Extent,
    bytes: Result<Bytes, alluvium_objects::Error>,
}

impl Rewriter {
    /// Adds the inputs of `compactions` to their files. A file that is full gets no more of them.
    pub(super) async fn read_segments(&self, compactions: &[Compaction]) -> Vec<BuilderResult> {
        let mut builders: Vec<BuilderResult> = compactions.iter().map(|one| Ok(self.new_builder(one))).collect();
        let closed: Vec<AtomicBool> = compactions.iter().map(|_| AtomicBool::new(false)).collect();
        let fetches = schedule(compactions).into_iter().map(|read| self.fetch(compactions, &closed, read));
        let mut fetches = stream::iter(fetches).buffered(READ_AHEAD);
        while let Some(fetched) = fetches.next().await {
            let added: Vec<usize> = fetched.iter().map(|run| run.compaction).collect();
            builders = match compute(move || add_runs(builders, fetched)).await {
                Ok(builders) => builders,
                Err(stopped) => return vec![Err(BuildFailure { error: stopped.into(), input: None })],
            };
            for compaction in added {
                closed[compaction].store(is_closed(&builders[compaction]), Ordering::Relaxed);
            }
        }
        builders
    }

    /// Fetches the runs of one segment, except those of compactions that are closed.
    async fn fetch(&self, compactions: &[Compaction], closed: &[AtomicBool], read: SegmentRead) -> Vec<FetchedRun> {
        let is_open = |(compaction, _): &(usize, usize)| !closed[*compaction].load(Ordering::Relaxed);
        let open = read.inputs.into_iter().filter(is_open);
        let inputs: Vec<(usize, Extent)> =
            open.map(|(compaction, input)| (compaction, compactions[compaction].inputs[input].clone())).collect();
        let key = object_key::segment(read.object);
        let ranges: Vec<_> = inputs.iter().map(|(_, extent)| position(extent)).collect();
        let runs = match self.objects.get_ranges(&key, &ranges).await {
            Ok(runs) => runs.into_iter().map(Ok).collect(),
            Err(error) if error.is_retryable() || ranges.len() == 1 => vec![Err(error); ranges.len()],
            // A single bad range must not fail the others.
            Err(_) => join_all(ranges.iter().map(|range| self.objects.get_range(&key, range.clone()))).await,
        };
        let fetched = inputs.into_iter().zip(runs);
        fetched.map(|((compaction, extent), bytes)| FetchedRun { compaction, extent, bytes }).collect()
    }
}

fn position(extent: &Extent) -> Range<u64> {
    match &extent.source {
        ExtentSource::Segment { position, .. } => position.clone(),
        ExtentSource::History { .. } => 0..0,
    }
}

/// Whether no more runs are needed: the file is full, or building it failed.
fn is_closed(builder: &BuilderResult) -> bool {
    builder.as_ref().map_or(true, FileBuilder::is_full)
}

/// Adds each run to the file of its compaction.
fn add_runs(mut builders: Vec<BuilderResult>, fetched: Vec<FetchedRun>) -> Vec<BuilderResult> {
    for FetchedRun { compaction, extent, bytes } in fetched {
        let Some(slot) = builders.get_mut(compaction) else { continue };
        let Some(builder) = slot.as_mut().ok().filter(|builder| !builder.is_full()) else { continue };
        let added = match bytes {
            Ok(bytes) => builder.add_run(extent, &bytes),
            Err(error) => Err(BuildFailure { error: error.into(), input: Some(Box::new(extent)) }),
        };
        if let Err(failure) = added {
            *slot = Err(failure);
        }
    }
    builders
}
