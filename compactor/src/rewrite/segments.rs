//! Reads segments into the files of a job, each segment once for all of them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use alluvium_history::compute;
use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, ExtentSource, object_key};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, FuturesOrdered};

use super::error::{BuildFailure, concerns_one_range};
use super::file_builder::{BuilderResult, FileBuilder};
use super::read_ahead::ReadAhead;
use super::rewriter::Rewriter;
use super::schedule::{SegmentRead, schedule};
use crate::plan::Compaction;

/// Ranges of a segment that are read singly at a time, because one of them is bad.
const SINGLE_RANGES_MAX: usize = 4;
/// Lookups of aborted transactions at the same time.
const CONCURRENT_LOOKUPS_MAX: usize = 16;

/// The aborted transactions of one partition, or why they are not known.
type Aborted = Result<Vec<AbortedTransaction>, alluvium_metastore::Error>;

/// The runs of one segment.
struct Fetched {
    runs: Vec<FetchedRun>,
    /// Bytes of them and of what lies between them.
    span: u64,
}

/// A run for one of the compactions, or why it could not be read.
struct FetchedRun {
    /// Index of the compaction.
    compaction: usize,
    extent: Extent,
    bytes: Result<Bytes, alluvium_objects::Error>,
}

impl Rewriter {
    /// Adds the inputs of `compactions` to their files. A file that is full gets no more of them, nor one of which an
    /// input cannot be read.
    pub(super) async fn read_segments(&self, compactions: &[&Compaction]) -> Vec<BuilderResult> {
        let collects = compactions.len() > 1;
        let builder = |(one, aborted): (&&Compaction, Aborted)| {
            let aborted = aborted.map_err(|error| BuildFailure { error: error.into(), input: None })?;
            Ok(FileBuilder::new(one, &self.settings, collects).without(aborted))
        };
        let aborted = self.aborted(compactions).await;
        let mut builders: Vec<BuilderResult> = compactions.iter().zip(aborted).map(builder).collect();
        let closed: Vec<AtomicBool> = compactions.iter().map(|_| AtomicBool::new(false)).collect();
        let mut reads = schedule(compactions).into_iter().peekable();
        let mut read_ahead = ReadAhead::new(self.settings.read_ahead_bytes);
        let mut fetches = FuturesOrdered::new();
        loop {
            while let Some(read) = reads.next_if(|read| read_ahead.has_room_for(span(compactions, read))) {
                read_ahead.take(span(compactions, &read));
                fetches.push_back(self.fetch(compactions, &closed, read));
            }
            let Some(Fetched { runs, span }) = fetches.next().await else { return builders };
            let added: Vec<usize> = runs.iter().map(|run| run.compaction).collect();
            builders = match compute(move || add_runs(builders, runs)).await {
                Ok(builders) => builders,
                Err(stopped) => return vec![Err(BuildFailure { error: stopped.into(), input: None })],
            };
            for compaction in added {
                closed[compaction].store(is_closed(&builders[compaction]), Ordering::Relaxed);
            }
            read_ahead.release(span);
        }
    }

    /// The aborted transactions that concern the inputs of each compaction.
    async fn aborted(&self, compactions: &[&Compaction]) -> Vec<Aborted> {
        let inputs: Vec<_> = compactions.iter().map(|one| (one.partition, one.offsets())).collect();
        let lookups = inputs.into_iter().map(|(partition, offsets)| self.log.aborted(partition, offsets));
        stream::iter(lookups).buffered(CONCURRENT_LOOKUPS_MAX).collect().await
    }

    /// Fetches the runs of one segment, except those of compactions that are closed.
    async fn fetch(&self, compactions: &[&Compaction], closed: &[AtomicBool], read: SegmentRead) -> Fetched {
        let span = span(compactions, &read);
        let is_open = |(compaction, _): &(usize, usize)| !closed[*compaction].load(Ordering::Relaxed);
        let open = read.inputs.into_iter().filter(is_open);
        let inputs: Vec<(usize, Extent)> =
            open.map(|(compaction, input)| (compaction, compactions[compaction].inputs[input].clone())).collect();
        let key = object_key::segment(read.object);
        let ranges: Vec<_> = inputs.iter().map(|(_, extent)| position(extent)).collect();
        if ranges.is_empty() {
            return Fetched { runs: Vec::new(), span };
        }
        // One that failed before is not waited for as long as for one that probably can be read.
        let objects = if self.failed.contains(read.object) { &self.impatient_objects } else { &self.objects };
        let runs = match objects.get_ranges(&key, &ranges).await {
            Ok(runs) => {
                self.failed.remove(read.object);
                runs.into_iter().map(Ok).collect()
            }
            // A single bad range must not fail the others, of which there may be thousands.
            Err(error) if concerns_one_range(&error) && ranges.len() > 1 => {
                let single = ranges.into_iter().map(|range| objects.get_range(&key, range));
                stream::iter(single).buffered(SINGLE_RANGES_MAX).collect().await
            }
            Err(error) => vec![Err(error); ranges.len()],
        };
        let fetched = inputs.into_iter().zip(runs);
        let runs = fetched.map(|((compaction, extent), bytes)| FetchedRun { compaction, extent, bytes }).collect();
        Fetched { runs, span }
    }
}

fn position(extent: &Extent) -> Range<u64> {
    match &extent.source {
        ExtentSource::Segment { position, .. } => position.clone(),
        ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } | ExtentSource::Marker { .. } => 0..0,
    }
}

/// Bytes from the first to the last byte of a segment that is needed: ranges close together are fetched as one.
fn span(compactions: &[&Compaction], read: &SegmentRead) -> u64 {
    let positions = || read.inputs.iter().map(|(compaction, input)| position(&compactions[*compaction].inputs[*input]));
    let start = positions().map(|position| position.start).min().unwrap_or(0);
    positions().map(|position| position.end).max().unwrap_or(0).saturating_sub(start)
}

/// Whether no more runs are needed: the file is full or closed, or building it failed.
fn is_closed(builder: &BuilderResult) -> bool {
    builder.as_ref().map_or(true, FileBuilder::is_closed)
}

/// Adds each run to the file of its compaction. A run that could not be read closes the file.
fn add_runs(mut builders: Vec<BuilderResult>, fetched: Vec<FetchedRun>) -> Vec<BuilderResult> {
    for FetchedRun { compaction, extent, bytes } in fetched {
        let Some(slot) = builders.get_mut(compaction) else { continue };
        let Some(builder) = slot.as_mut().ok().filter(|builder| !builder.is_closed()) else { continue };
        match bytes {
            Ok(bytes) => {
                if let Err(failure) = builder.add_run(extent, &bytes) {
                    *slot = Err(failure);
                }
            }
            Err(error) => builder.close(BuildFailure { error: error.into(), input: Some(Box::new(extent)) }),
        }
    }
    builders
}
