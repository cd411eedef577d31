//! From a finished file to the log: put it, swap it in, and clean up where that is refused.

use alluvium_history::FinishedFile;
use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{NewObject, SwapError};
use alluvium_model::{Extent, ExtentSource, ObjectId, object_key};

use super::segments::Rewriter;
use super::strand::Output;
use crate::Report;
use crate::error::RewriteError;
use crate::plan::Work;

impl Rewriter {
    /// Replaces the inputs that `output` holds by it.
    pub(super) async fn publish(&self, work: &Work, lease: &Lease, output: Output, report: &mut Report) {
        let Output { file, inputs } = output;
        let inputs = &work.inputs[..inputs.min(work.inputs.len())];
        let (records, bytes) = (file.records, file.bytes);
        match self.put_and_swap(work, lease, inputs, file).await {
            Ok(()) => {
                report.files_written += 1;
                report.records_written += records;
                report.extents_replaced += u64::try_from(inputs.len()).unwrap_or(u64::MAX);
                report.bytes_in += inputs.iter().map(|extent| extent.bytes).fold(0, u64::saturating_add);
                report.bytes_out += bytes;
            }
            Err(RewriteError::Swap(SwapError::Stale(_) | SwapError::UnknownPartition(_))) => report.stale += 1,
            Err(RewriteError::Swap(SwapError::Fenced)) => {
                report.fenced += 1;
                self.leases.forget(lease).await;
            }
            Err(error) => report.fail(&format!("replacing extents of {} {}", work.topic, work.partition), &error),
        }
    }

    async fn put_and_swap(
        &self,
        work: &Work,
        lease: &Lease,
        inputs: &[Extent],
        file: FinishedFile,
    ) -> Result<(), RewriteError> {
        let begun = self.clock.now();
        let id = ObjectId::new(begun, self.settings.writer, self.rng.next_u64());
        let key = object_key::history(&work.topic, work.partition, file.identity.offsets.start, id);
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
        if begun.plus(self.settings.output_age_max) < now {
            return Err(RewriteError::TooOld(id, begun));
        }
        let outputs = [(extent, NewObject { key: key.clone(), bytes: file.bytes })];
        let swapped = self.log.swap(lease, work.partition, inputs, &outputs, now, self.settings.retire_grace).await;
        if let Err(SwapError::Stale(_) | SwapError::UnknownPartition(_) | SwapError::Fenced) = &swapped {
            self.drop_output(id, key).await;
        }
        Ok(swapped?)
    }

    /// Deletes an output that was refused. Not one that the metastore knows: it was swapped in after all, and taken out
    /// again since. What cannot be deleted now is an orphan.
    async fn drop_output(&self, id: ObjectId, key: String) {
        if let Ok(known) = self.known.known(&[id]).await
            && known == [false]
            && let Err(error) = self.objects.delete(&[key]).await
        {
            tracing::debug!(%error, "an output that was not needed stays for the orphan sweep");
        }
    }
}

/// 1 for what was segments, one more than the highest input for what was history.
fn level(inputs: &[Extent]) -> u8 {
    let level = |extent: &Extent| match extent.source {
        ExtentSource::Segment { .. } => 0,
        ExtentSource::History { level } => level,
    };
    inputs.iter().map(level).max().unwrap_or(0).saturating_add(1)
}
