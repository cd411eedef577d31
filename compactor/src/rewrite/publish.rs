//! Publishes finished files, some together: puts them, swaps them in, and deletes those again whose swap was certainly
//! not made.

use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{NewObject, PartitionSwap, SwapError};
use alluvium_model::{Extent, ExtentSource, ObjectId, Timestamp, object_key};
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::batch::{Batch, NewFile};
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
    compaction: &'a Compaction,
    lease: Lease,
    inputs: &'a [Extent],
    started: Timestamp,
    /// The extent that the file is, and the object.
    outputs: [(Extent, NewObject); 1],
}

/// A PUT that has ended.
pub(super) struct EndedPut<'a> {
    compaction: &'a Compaction,
    lease: Lease,
    /// The input at which the file ends early, if no other try can help.
    broken: Option<Extent>,
    file: Result<PutFile<'a>, RewriteError>,
}

impl PutFile<'_> {
    fn swap(&self) -> PartitionSwap<'_> {
        let Self { compaction, lease, inputs, outputs, .. } = self;
        PartitionSwap { lease, partition: compaction.partition, inputs, outputs }
    }

    fn id(&self) -> ObjectId {
        let [(extent, _)] = &self.outputs;
        extent.object
    }

    fn key(&self) -> String {
        let [(_, object)] = &self.outputs;
        object.key.clone()
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
        for EndedPut { compaction, lease, broken, file } in ended {
            // Together with what is swapped in, because that is planned again at once, from here on.
            result.broken.extend(broken.map(|extent| (compaction.partition, extent)));
            leases.push(lease);
            match file {
                Ok(file) => files.push(file),
                Err(error) => fail(compaction, &error, &mut result),
            }
        }
        self.swap_in(files, &mut result).await;
        let is_fenced = result.report.fenced > 0;
        self.release(&leases, progress).await;
        progress.send(result).await;
        is_fenced
    }

    /// Replaces the inputs of `files` by them.
    async fn swap_in(&self, files: Vec<PutFile<'_>>, result: &mut JobResult) {
        let now = self.clock.now();
        let files = self.abandon_old(files, now, result).await;
        let swapped = self.swap(&files, now).await;
        for (file, swapped) in files.iter().zip(swapped) {
            // If it may have been made after all, the orphan sweep finds out.
            if swapped.as_ref().is_err_and(|error| !error.is_maybe_made()) {
                self.delete_output(file.id(), file.key()).await;
            }
            self.count(file, swapped, result).await;
        }
    }

    async fn put<'a>(&'a self, file: NewFile<'a>, room: Room) -> PutStep<'a, EndedPut<'a>> {
        let slot = self.puts.acquire().await.expect("the semaphore is never closed");
        let bytes = file.file.bytes;
        room.run(bytes, self.put_file(file, slot).boxed()).await
    }

    async fn put_file<'a>(&'a self, file: NewFile<'a>, _slot: SemaphorePermit<'a>) -> EndedPut<'a> {
        let NewFile { compaction, lease, inputs, file, broken } = file;
        let started = self.clock.now();
        let id = ObjectId::new(started, self.settings.writer, self.rng.next_u64());
        let key = object_key::history(&compaction.topic, compaction.partition, file.identity.offsets.start, id);
        let extent = Extent {
            offsets: file.identity.offsets.clone(),
            object: id,
            source: ExtentSource::History { level: level(inputs) },
            bytes: file.bytes,
            records: file.records,
            timestamps: file.timestamps,
        };
        let put = self.objects.put(&key, file.parts).await;
        let outputs = [(extent, NewObject { key, bytes: file.bytes })];
        let file = PutFile { compaction, lease: lease.clone(), inputs, started, outputs };
        EndedPut { compaction, lease, broken, file: put.map(|()| file).map_err(RewriteError::from) }
    }

    /// Deletes those of `files` that took too long, also because of others beside them: the orphan sweep may.
    async fn abandon_old<'a>(
        &self,
        files: Vec<PutFile<'a>>,
        now: Timestamp,
        result: &mut JobResult,
    ) -> Vec<PutFile<'a>> {
        let (files, old): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| now <= file.started.plus(self.settings.output_age_max));
        for file in old {
            self.delete_output(file.id(), file.key()).await;
            fail(file.compaction, &RewriteError::TooOld(file.id(), file.started), result);
        }
        files
    }

    /// Swaps in `files` and returns the result of each.
    async fn swap(&self, files: &[PutFile<'_>], now: Timestamp) -> Vec<Result<(), SwapError>> {
        if files.is_empty() {
            return Vec::new();
        }
        let swaps: Vec<_> = files.iter().map(PutFile::swap).collect();
        let swapped = self.log.swap_together(&swaps, now, self.settings.retire_grace).await;
        swapped.unwrap_or_else(|error| vec![Err(error); files.len()])
    }

    async fn count(&self, file: &PutFile<'_>, swapped: Result<(), SwapError>, result: &mut JobResult) {
        let PutFile { compaction, lease, inputs, outputs: [(extent, _)], .. } = file;
        if swapped.is_err() {
            result.leave(compaction);
        }
        let JobResult { report, replaced, .. } = &mut *result;
        match swapped {
            Ok(()) => {
                report.files_written += 1;
                report.records_written += extent.records;
                report.extents_replaced += u64::try_from(inputs.len()).unwrap_or(u64::MAX);
                report.bytes_in += inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add);
                report.bytes_out += extent.bytes;
                let (partition, offsets, inputs) = (compaction.partition, compaction.offsets(), inputs.to_vec());
                replaced.push(Replaced { partition, offsets, inputs });
            }
            Err(SwapError::Stale(_) | SwapError::UnknownPartition(_)) => report.stale += 1,
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
fn fail(compaction: &Compaction, error: &RewriteError, result: &mut JobResult) {
    result.leave(compaction);
    report_failure(compaction, error, &mut result.report);
}

fn report_failure(compaction: &Compaction, error: &RewriteError, report: &mut Report) {
    report.fail(&format!("replacing extents of {} {}", compaction.topic, compaction.partition), error);
}

/// The level of an output: 1 if its inputs are segments, else one more than the highest input.
fn level(inputs: &[Extent]) -> u8 {
    inputs.iter().map(Extent::level).max().unwrap_or(0).saturating_add(1)
}
