//! Publishes a finished file: puts it, swaps it in, and deletes it again if the swap was certainly not made.

use alluvium_history::FinishedFile;
use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{NewObject, SwapError};
use alluvium_model::{Extent, ExtentSource, ObjectId, object_key};

use super::error::RewriteError;
use super::file_builder::BuiltFile;
use super::rewriter::{JobResult, Rewriter};
use crate::plan::Compaction;

impl Rewriter {
    /// Replaces the inputs that `built` holds with it.
    pub(super) async fn publish(
        &self,
        compaction: &Compaction,
        lease: &Lease,
        built: BuiltFile,
        result: &mut JobResult,
    ) {
        let JobResult { report, replaced, .. } = result;
        let BuiltFile { file, inputs } = built;
        let inputs = &compaction.inputs[..inputs.min(compaction.inputs.len())];
        let (records, bytes) = (file.records, file.bytes);
        match self.put_and_swap(compaction, lease, inputs, file).await {
            Ok(()) => {
                report.files_written += 1;
                report.records_written += records;
                report.extents_replaced += u64::try_from(inputs.len()).unwrap_or(u64::MAX);
                report.bytes_in += inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add);
                report.bytes_out += bytes;
                replaced.push((compaction.partition, inputs.to_vec()));
            }
            Err(RewriteError::Swap(SwapError::Stale(_) | SwapError::UnknownPartition(_))) => {
                report.stale += 1;
            }
            Err(RewriteError::Swap(SwapError::Fenced)) => {
                report.fenced += 1;
                self.leases.discard(lease).await;
            }
            Err(error) => {
                report.fail(&format!("replacing extents of {} {}", compaction.topic, compaction.partition), &error)
            }
        }
    }

    async fn put_and_swap(
        &self,
        compaction: &Compaction,
        lease: &Lease,
        inputs: &[Extent],
        file: FinishedFile,
    ) -> Result<(), RewriteError> {
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
        let now = self.clock.now();
        if started.plus(self.settings.output_age_max) < now {
            self.delete_output(id, key).await;
            return Err(RewriteError::TooOld(id, started));
        }
        let outputs = [(extent, NewObject { key: key.clone(), bytes: file.bytes })];
        let swapped =
            self.log.swap(lease, compaction.partition, inputs, &outputs, now, self.settings.retire_grace).await;
        // If it may have been made after all, the orphan sweep finds out.
        if swapped.as_ref().is_err_and(|error| !error.is_maybe_made()) {
            self.delete_output(id, key).await;
        }
        Ok(swapped?)
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

/// The level of an output: 1 if its inputs are segments, else one more than the highest input.
fn level(inputs: &[Extent]) -> u8 {
    let level = |extent: &Extent| match extent.source {
        ExtentSource::Segment { .. } => 0,
        ExtentSource::History { level } => level,
    };
    inputs.iter().map(level).max().unwrap_or(0).saturating_add(1)
}
