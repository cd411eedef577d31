//! Publishes finished files, some together: puts them, swaps them in, and deletes those again whose swap was certainly
//! not made.

use alluvium_history::{FinishedFile, WrittenPartition};
use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{NewObject, PartitionSwap, SwapError};
use alluvium_model::{Extent, ExtentSource, ObjectId, Timestamp, TopicPartition, object_key};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::batch::{Batch, FilePart, NewFile};
use super::error::RewriteError;
use super::job_result::{JobResult, Replaced};
use super::progress::Progress;
use super::rewriter::Rewriter;
use super::slow_puts::{PutStep, Room, SLOW_AFTER, SlowPuts};
use crate::Report;
use crate::plan::Compaction;

/// PUTs in flight of one job: hides their latency, and leaves slots to other jobs if they hang.
const JOB_PUTS_MAX: usize = 4;

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

/// A PUT that has ended.
pub(super) struct EndedPut<'a> {
    leases: Vec<Lease>,
    /// The inputs at which parts of the file end early, if no other try can help.
    broken: Vec<(TopicPartition, Extent)>,
    file: Put<'a>,
}

impl PutPart<'_> {
    fn swap(&self) -> PartitionSwap<'_> {
        let FilePart { compaction, lease, inputs, .. } = &self.part;
        PartitionSwap { lease, partition: compaction.partition, inputs, outputs: &self.outputs }
    }
}

impl Rewriter {
    /// Puts the files of `batch`, replaces their inputs by them, and reports that to `progress`: together, but those
    /// whose PUTs take long after the others. The slowest join the `slow` ones, which are swapped in as they end, now or
    /// with later batches. Returns whether a lease was lost.
    pub(super) async fn publish<'a>(
        &'a self,
        batch: Batch<'a>,
        slow: &mut SlowPuts<'a, EndedPut<'a>>,
        progress: &Progress,
    ) -> bool {
        let puts: Vec<_> = batch.files.into_iter().map(|file| self.put(file, slow.room()).boxed()).collect();
        let mut puts = stream::iter(puts).buffer_unordered(JOB_PUTS_MAX);
        let (mut ended, mut until, mut is_fenced) = (Vec::new(), None, false);
        loop {
            tokio::select! {
                biased;
                step = puts.next() => match step {
                    Some(PutStep::Ended(put)) => {
                        until.get_or_insert_with(|| Instant::now() + SLOW_AFTER);
                        ended.push(put);
                    }
                    Some(PutStep::Slow(put, room)) => slow.add(put, room),
                    None => break,
                },
                Some(put) = slow.next() => is_fenced |= self.end(vec![put], progress).await,
                () = reached(until) => {
                    until = None;
                    is_fenced |= self.end(std::mem::take(&mut ended), progress).await;
                }
            }
        }
        is_fenced | self.end(ended, progress).await
    }

    /// Waits for the `slow` PUTs of a job that has no others.
    pub(super) async fn publish_slow<'a>(&self, slow: &mut SlowPuts<'a, EndedPut<'a>>, progress: &Progress) {
        while let Some(put) = slow.next().await {
            self.end(vec![put], progress).await;
        }
    }

    /// Swaps in the files of the PUTs that have `ended`, as far as they were done, releases their leases, and reports that
    /// to `progress`. Returns whether a lease was lost.
    async fn end(&self, ended: Vec<EndedPut<'_>>, progress: &Progress) -> bool {
        if ended.is_empty() {
            return false;
        }
        let (mut result, mut leases, mut files) = (JobResult::default(), Vec::new(), Vec::new());
        for EndedPut { leases: of_file, broken, file } in ended {
            // Together with what is swapped in, because that is planned again at once, from here on.
            result.broken.extend(broken);
            leases.extend(of_file);
            match file {
                Ok(file) => files.push(file),
                Err((parts, error)) => fail(&parts, &error, &mut result),
            }
        }
        self.swap_in(files, &mut result).await;
        let is_fenced = result.report.fenced > 0;
        self.release(&leases, progress).await;
        progress.send(result).await;
        is_fenced
    }

    /// Puts `files`, the results of one merge, and replaces their inputs by all of them or by none.
    pub(super) async fn publish_together(&self, files: Vec<NewFile<'_>>) -> JobResult {
        let mut result = JobResult::default();
        let puts: Vec<_> = files.into_iter().map(|file| self.put_in_turn(file).boxed()).collect();
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

    async fn put<'a>(&'a self, file: NewFile<'a>, room: Room) -> PutStep<'a, EndedPut<'a>> {
        let slot = self.puts.acquire().await.expect("the semaphore is never closed");
        let bytes = file.file.bytes;
        room.run(bytes, self.end_put(file, slot).boxed()).await
    }

    async fn end_put<'a>(&'a self, file: NewFile<'a>, _slot: SemaphorePermit<'a>) -> EndedPut<'a> {
        let leases = file.parts.iter().map(|part| part.lease.clone()).collect();
        let broken = file.parts.iter().filter_map(|part| Some((part.compaction.partition, part.broken.clone()?)));
        let broken = broken.collect();
        EndedPut { leases, broken, file: self.put_file(file).await }
    }

    async fn put_in_turn<'a>(&self, file: NewFile<'a>) -> Put<'a> {
        let _slot = self.puts.acquire().await.expect("the semaphore is never closed");
        self.put_file(file).await
    }

    async fn put_file<'a>(&self, file: NewFile<'a>) -> Put<'a> {
        let NewFile { parts, file: FinishedFile { partitions, parts: bytes, bytes: file_bytes } } = file;
        let Compaction { topic, partition, .. } = parts.first().expect("a file has a partition").compaction;
        let is_shared = partitions.len() > 1;
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

/// Waits for `time`, if there is one.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
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
