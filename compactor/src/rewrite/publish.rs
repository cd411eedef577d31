//! Publishes finished files, some together: puts them, swaps them in, and deletes those again whose swap was certainly
//! not made.

use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{NewObject, PartitionSwap, SwapError};
use alluvium_model::{Extent, ExtentSource, ObjectId, Timestamp, object_key};
use futures::future::join_all;

use super::batch::{Batch, NewFile};
use super::error::RewriteError;
use super::rewriter::{JobResult, Rewriter};
use crate::plan::Compaction;

/// A file that is in the bucket.
struct PutFile<'a> {
    compaction: &'a Compaction,
    lease: &'a Lease,
    inputs: &'a [Extent],
    started: Timestamp,
    /// The extent that the file is, and the object.
    outputs: [(Extent, NewObject); 1],
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
    /// Puts the files of `batch` and replaces their inputs by them.
    pub(super) async fn publish(&self, batch: Batch<'_>, result: &mut JobResult) {
        let mut files = Vec::new();
        let put = batch.files.into_iter().map(|file| async { (file.compaction, self.put(file).await) });
        for (compaction, put) in join_all(put).await {
            match put {
                Ok(file) => files.push(file),
                Err(error) => fail(compaction, &error, result),
            }
        }
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

    async fn put<'a>(&self, file: NewFile<'a>) -> Result<PutFile<'a>, RewriteError> {
        let NewFile { compaction, lease, inputs, file } = file;
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
        self.objects.put(&key, file.parts).await?;
        Ok(PutFile { compaction, lease, inputs, started, outputs: [(extent, NewObject { key, bytes: file.bytes })] })
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
        let JobResult { report, replaced, .. } = &mut *result;
        match swapped {
            Ok(()) => {
                report.files_written += 1;
                report.records_written += extent.records;
                report.extents_replaced += u64::try_from(inputs.len()).unwrap_or(u64::MAX);
                report.bytes_in += inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add);
                report.bytes_out += extent.bytes;
                replaced.push((compaction.partition, inputs.to_vec()));
            }
            Err(SwapError::Stale(_) | SwapError::UnknownPartition(_)) => report.stale += 1,
            Err(SwapError::Fenced) => {
                report.fenced += 1;
                self.leases.discard(lease).await;
            }
            Err(error) => fail(compaction, &error.into(), result),
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

fn fail(compaction: &Compaction, error: &RewriteError, result: &mut JobResult) {
    result.report.fail(&format!("replacing extents of {} {}", compaction.topic, compaction.partition), error);
}

/// The level of an output: 1 if its inputs are segments, else one more than the highest input.
fn level(inputs: &[Extent]) -> u8 {
    let level = |extent: &Extent| match extent.source {
        ExtentSource::Segment { .. } => 0,
        ExtentSource::History { level } => level,
    };
    inputs.iter().map(level).max().unwrap_or(0).saturating_add(1)
}
