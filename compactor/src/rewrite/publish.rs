//! Publishes finished files, some together: puts them, swaps them in, and deletes those again whose swap was certainly
//! not made.

use std::time::Duration;

use alluvium_history::{FinishedFile, WrittenPartition};
use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{NewObject, PartitionSwap, SwapError};
use alluvium_model::{Extent, ExtentSource, ObjectId, Timestamp, object_key};
use futures::{FutureExt, Stream, StreamExt, stream};
use tokio::time::Instant;

use super::batch::{Batch, FilePart, NewFile};
use super::error::RewriteError;
use super::job_result::{JobResult, Replaced};
use super::progress::Progress;
use super::rewriter::Rewriter;
use crate::Report;
use crate::plan::Compaction;

/// PUTs in flight of one job: hides their latency, and leaves slots to other jobs if they hang.
const JOB_PUTS_MAX: usize = 4;
/// How long a file that was put waits for others of its batch to be swapped in with it: longer than they mostly take,
/// and short beside the time for which a PUT may hang.
const SWAP_WAIT_MAX: Duration = Duration::from_secs(5);

/// PUTs in flight of all jobs of a process that has `slots` for them: a quarter is left to producers.
pub(crate) fn put_slots(slots: usize) -> usize {
    slots.saturating_sub(slots.div_ceil(4)).max(1)
}

/// A file that is in the bucket.
struct PutFile<'a> {
    id: ObjectId,
    key: String,
    started: Timestamp,
    parts: Vec<PutPart<'a>>,
}

/// What of it is of one partition.
struct PutPart<'a> {
    part: FilePart<'a>,
    /// The extent that it is, and the object.
    outputs: [(Extent, NewObject); 1],
}

/// The result of a PUT.
type Put<'a> = Result<PutFile<'a>, (Vec<FilePart<'a>>, RewriteError)>;

impl PutPart<'_> {
    fn swap(&self) -> PartitionSwap<'_> {
        let FilePart { compaction, lease, inputs, .. } = &self.part;
        PartitionSwap { lease, partition: compaction.partition, inputs, outputs: &self.outputs }
    }
}

impl Rewriter {
    /// Puts the files of `batch`, replaces their inputs by them, and reports that to `progress`: together, but those
    /// whose PUTs take long after the others. Returns whether a lease was lost.
    pub(super) async fn publish(&self, batch: Batch<'_>, progress: &Progress) -> bool {
        if batch.files.is_empty() {
            return false;
        }
        let mut result = JobResult::default();
        let parts = || batch.files.iter().flat_map(|file| &file.parts);
        let leases: Vec<Lease> = parts().map(|part| part.lease.clone()).collect();
        // Together with what is swapped in, because that is planned again at once, from here on.
        let broken = parts().filter_map(|part| Some((part.compaction.partition, part.broken.clone()?)));
        result.broken.extend(broken);
        let puts: Vec<_> = batch.files.into_iter().map(|file| self.put(file).boxed()).collect();
        let mut puts = stream::iter(puts).buffer_unordered(JOB_PUTS_MAX);
        let mut is_fenced = false;
        loop {
            let (files, is_end) = next_files(&mut puts, &mut result).await;
            self.swap_in(files, &mut result).await;
            is_fenced |= result.report.fenced > 0;
            if is_end {
                break;
            }
            progress.send(std::mem::take(&mut result)).await;
        }
        self.release(&leases, progress).await;
        progress.send(result).await;
        is_fenced
    }

    /// Puts `files`, the results of one merge, and replaces their inputs by all of them or by none.
    pub(super) async fn publish_together(&self, files: Vec<NewFile<'_>>) -> JobResult {
        let mut result = JobResult::default();
        let puts: Vec<_> = files.into_iter().map(|file| self.put(file).boxed()).collect();
        let puts: Vec<_> = stream::iter(puts).buffered(JOB_PUTS_MAX).collect().await;
        let (mut files, mut is_whole) = (Vec::new(), true);
        for put in puts {
            match put {
                Ok(file) => files.push(file),
                Err((parts, error)) => {
                    is_whole = false;
                    fail(&parts, &error, &mut result);
                }
            }
        }
        let now = self.clock.now();
        if is_whole && files.iter().all(|file| !self.is_too_old(file, now)) {
            self.swap_all(files, now, &mut result).await;
            return result;
        }
        for file in files {
            self.delete_output(file.id, file.key).await;
            file.parts.iter().for_each(|part| result.leave(part.part.compaction));
        }
        result
    }

    /// Replaces the inputs of those of `files` by them that are not too old.
    async fn swap_in(&self, files: Vec<PutFile<'_>>, result: &mut JobResult) {
        let now = self.clock.now();
        let files = self.abandon_old(files, now, result).await;
        self.swap_all(files, now, result).await;
    }

    /// Replaces the inputs of `files` by them.
    async fn swap_all(&self, files: Vec<PutFile<'_>>, now: Timestamp, result: &mut JobResult) {
        let mut swapped = self.swap(&files, now).await.into_iter();
        for PutFile { id, key, parts, .. } in files {
            let swapped: Vec<_> = swapped.by_ref().take(parts.len()).collect();
            // If it may have been made after all, the orphan sweep finds out.
            if swapped.iter().all(|swapped| swapped.as_ref().is_err_and(|error| !error.is_maybe_made())) {
                self.delete_output(id, key).await;
            }
            result.report.files_written += u64::from(swapped.iter().any(Result::is_ok));
            for (part, swapped) in parts.iter().zip(swapped) {
                self.count(part, swapped, result).await;
            }
        }
    }

    async fn put<'a>(&self, file: NewFile<'a>) -> Put<'a> {
        let NewFile { parts, file: FinishedFile { partitions, parts: bytes, bytes: file_bytes } } = file;
        let Compaction { topic, partition, .. } = parts.first().expect("a file has a partition").compaction;
        let is_shared = partitions.len() > 1;
        let _slot = self.puts.acquire().await.expect("the semaphore is never closed");
        let started = self.clock.now();
        let id = ObjectId::new(started, self.settings.writer, self.rng.next_u64());
        let extent = |part: &FilePart<'_>, written: WrittenPartition| Extent {
            offsets: written.identity.offsets,
            object: id,
            source: ExtentSource::History { level: level(part.inputs), file_bytes },
            bytes: if is_shared { written.bytes } else { file_bytes },
            records: written.records,
            timestamps: written.timestamps,
        };
        let extents: Vec<Extent> = parts.iter().zip(partitions).map(|(part, written)| extent(part, written)).collect();
        let key = object_key::history(topic, partition.topic, id);
        if let Err(error) = self.objects.put(&key, bytes).await {
            return Err((parts, error.into()));
        }
        let object = NewObject { key: key.clone(), bytes: file_bytes };
        let parts = parts.into_iter().zip(extents);
        let parts = parts.map(|(part, extent)| PutPart { part, outputs: [(extent, object.clone())] }).collect();
        Ok(PutFile { id, key, started, parts })
    }

    fn is_too_old(&self, file: &PutFile<'_>, now: Timestamp) -> bool {
        file.started.plus(self.settings.output_age_max) < now
    }

    /// Deletes those of `files` that took too long, also because of others beside them: the orphan sweep may.
    async fn abandon_old<'a>(
        &self,
        files: Vec<PutFile<'a>>,
        now: Timestamp,
        result: &mut JobResult,
    ) -> Vec<PutFile<'a>> {
        let (old, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| self.is_too_old(file, now));
        for PutFile { id, key, started, parts } in old {
            self.delete_output(id, key).await;
            let parts: Vec<_> = parts.into_iter().map(|part| part.part).collect();
            fail(&parts, &RewriteError::TooOld(id, started), result);
        }
        files
    }

    /// Swaps in `files` and returns the result of each of their parts.
    async fn swap(&self, files: &[PutFile<'_>], now: Timestamp) -> Vec<Result<(), SwapError>> {
        let swaps: Vec<_> = files.iter().flat_map(|file| &file.parts).map(PutPart::swap).collect();
        if swaps.is_empty() {
            return Vec::new();
        }
        let swapped = self.log.swap_together(&swaps, now, self.settings.retire_grace).await;
        swapped.unwrap_or_else(|error| vec![Err(error); swaps.len()])
    }

    async fn count(&self, part: &PutPart<'_>, swapped: Result<(), SwapError>, result: &mut JobResult) {
        let PutPart { part: FilePart { compaction, lease, inputs, .. }, outputs: [(extent, _)] } = part;
        if swapped.is_err() {
            result.leave(compaction);
        }
        let JobResult { report, replaced, .. } = &mut *result;
        match swapped {
            Ok(()) => {
                report.records_written += extent.records;
                report.extents_replaced += u64::try_from(inputs.len()).unwrap_or(u64::MAX);
                report.bytes_in += inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add);
                report.bytes_out += extent.bytes;
                let (partition, offsets, inputs) = (compaction.partition, compaction.offsets(), inputs.to_vec());
                replaced.push(Replaced { partition, offsets, inputs });
            }
            Err(
                SwapError::Stale(_)
                | SwapError::Trimmed(_)
                | SwapError::UnknownPartition(_)
                | SwapError::PartRefused(_),
            ) => report.stale += 1,
            Err(SwapError::Fenced) => {
                report.fenced += 1;
                self.leases.discard(lease).await;
            }
            Err(error) => report_failure(compaction, &error.into(), report),
        }
    }

    /// Deletes an output whose swap was not made. An output that the metastore knows stays: it was swapped in after
    /// all, and replaced since. If the deletion fails, the orphan sweep deletes it later.
    async fn delete_output(&self, id: ObjectId, key: String) {
        if let Ok(known) = self.known.known(&[id]).await
            && known == [false]
            && let Err(error) = self.objects.delete(&[key]).await
        {
            tracing::debug!(%error, %id, "deleting a rejected output failed; the orphan sweep will delete it");
        }
    }
}

/// The next files that are swapped in together, and whether they are the last: all that are put until the first of them
/// has waited for long.
async fn next_files<'a>(
    puts: &mut (impl Stream<Item = Put<'a>> + Unpin),
    result: &mut JobResult,
) -> (Vec<PutFile<'a>>, bool) {
    let mut files: Vec<PutFile<'_>> = Vec::new();
    let mut until: Option<Instant> = None;
    loop {
        let put = match until {
            None => puts.next().await,
            Some(until) => match tokio::time::timeout_at(until, puts.next()).await {
                Ok(put) => put,
                Err(_elapsed) => return (files, false),
            },
        };
        match put {
            None => return (files, true),
            Some(Ok(file)) => {
                until.get_or_insert_with(|| Instant::now() + SWAP_WAIT_MAX);
                files.push(file);
            }
            Some(Err((parts, error))) => fail(&parts, &error, result),
        }
    }
}

/// A file was not swapped in.
fn fail(parts: &[FilePart<'_>], error: &RewriteError, result: &mut JobResult) {
    parts.iter().for_each(|part| result.leave(part.compaction));
    if let Some(first) = parts.first() {
        report_failure(first.compaction, error, &mut result.report);
    }
}

fn report_failure(compaction: &Compaction, error: &RewriteError, report: &mut Report) {
    report.fail(&format!("replacing extents of {} {}", compaction.topic, compaction.partition), error);
}

/// The level of an output: 1 if its inputs are segments, else one more than the highest input.
fn level(inputs: &[Extent]) -> u8 {
    inputs.iter().map(Extent::level).max().unwrap_or(0).saturating_add(1)
}
