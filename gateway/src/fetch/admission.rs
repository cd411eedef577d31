//! Admits a fetch to the memory of its answer: how much it needs, and the wait for it.

use alluvium_model::{Extent, ExtentSource};
use tokio::time::Instant;

use super::locate::LocatedPartition;
use super::{Fetch, FetchPlan};
use crate::memory::{Demand, Permit, Share};

/// Bytes of one answer with old records (one batch may exceed it). A consumer that catches up fetches again at once, so
/// larger answers hardly make it faster; and with smaller answers consumers stay closer together and share more of what
/// is loaded.
const OLD_ANSWER_BYTES_MAX: usize = 8 << 20;
/// A fetch of old records waits for the memory of so large an answer, if it wants one: each answer has its costs.
const OLD_ANSWER_BYTES_MIN: usize = 1 << 20;
/// Memory of a fetch of old records for each byte of its answer: the answer, and as much again for runs loaded for
/// partitions that it reads later.
const OLD_BYTES_PER_BYTE: usize = 2;
/// Size that hardly any batch exceeds: Kafka's default limit (`max.message.bytes`, with the batch's overhead). With
/// less memory a fetch might have to exceed it, because it answers at least one batch.
const BATCH_BYTES_USUAL_MAX: usize = 1_048_588;

/// What a fetch may read.
#[derive(Debug)]
pub struct Admission {
    /// Bytes of the answer.
    pub bytes_max: usize,
    /// The memory for it; `None` if there is nothing to read, or memory was not to be had.
    pub memory: Option<Permit>,
}

impl Fetch {
    /// Waits for the memory that the answer to `plan` takes; less than it asks for if memory is short. Without memory it
    /// is answered without records, and comes again. If all of its records are old, it is read and written at low
    /// priority.
    pub(super) async fn admit(&self, plan: &FetchPlan, located: &[LocatedPartition]) -> Admission {
        let Some(demand) = demand(plan, located) else { return Admission { bytes_max: plan.max_bytes, memory: None } };
        if readable(located).all(LocatedPartition::is_cold) {
            self.lower_priority(plan).await;
        }
        let memory = self.shared.memory.acquire_in_time(demand).await;
        if memory.is_none() {
            self.shared.metrics.fetches_without_memory.inc();
        }
        let bytes = memory.as_ref().map_or(0, Permit::bytes);
        Admission { bytes_max: (bytes / bytes_per_byte(demand.share)).min(plan.max_bytes), memory }
    }

    async fn lower_priority(&self, plan: &FetchPlan) {
        let asked = Instant::now();
        if plan.priority.lower().await {
            self.shared.metrics.low_priority_wait.observe(asked.elapsed().as_secs_f64());
        }
    }
}

fn readable(located: &[LocatedPartition]) -> impl Iterator<Item = &LocatedPartition> {
    located.iter().filter(|located| located.available() > 0)
}

fn bytes_per_byte(share: Share) -> usize {
    if share == Share::CatchUp { OLD_BYTES_PER_BYTE } else { 1 }
}

/// The memory that the answer takes; `None` if there is nothing to read.
fn demand(plan: &FetchPlan, located: &[LocatedPartition]) -> Option<Demand> {
    let first = readable(located).next()?;
    let share = if readable(located).any(LocatedPartition::is_cold) { Share::CatchUp } else { Share::Tail };
    let answer_max = if share == Share::CatchUp { plan.max_bytes.min(OLD_ANSWER_BYTES_MAX) } else { plan.max_bytes };
    let of_partition = |(located, bytes_max): (&LocatedPartition, usize)| located.bytes().min(bytes_max);
    let bytes_max = plan.partitions.iter().map(|requested| requested.max_bytes);
    let stored = located.iter().zip(bytes_max).map(of_partition).fold(0, usize::saturating_add);
    let wanted = stored.min(answer_max);
    let least_useful = if share == Share::CatchUp { wanted.min(OLD_ANSWER_BYTES_MIN) } else { 0 };
    let least = first.first_batch_bytes().max(least_useful);
    let factor = bytes_per_byte(share);
    Some(Demand { share, min: factor * least, wanted: factor * wanted.max(least) })
}

impl LocatedPartition {
    /// Bytes of the located extents, whole: batches before the fetch offset may be part of the answer.
    fn bytes(&self) -> usize {
        let bytes = |extents: &super::locate::LocatedExtents| {
            extents.extents.iter().map(|extent| answered_bytes(extent)).fold(0, u64::saturating_add)
        };
        usize::try_from(self.extents.as_ref().map_or(0, bytes)).unwrap_or(usize::MAX)
    }

    /// Bytes of the first batch at most, unless it is unusually large.
    fn first_batch_bytes(&self) -> usize {
        let first = self.extents.as_ref().ok().and_then(|extents| extents.extents.first());
        let bytes = first.map_or(0, |first| match &first.source {
            ExtentSource::Segment { .. } | ExtentSource::Marker { .. } => {
                usize::try_from(first.bytes).unwrap_or(usize::MAX)
            }
            ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => {
                // One record may be larger than a batch usually is.
                let record = first.bytes / first.records.max(1);
                usize::try_from(record).unwrap_or(usize::MAX).max(alluvium_history::BATCH_BYTES_MAX)
            }
        });
        bytes.min(BATCH_BYTES_USUAL_MAX)
    }
}

/// Bytes of an extent in an answer: at least those that a small one of history may have, which is compressed.
fn answered_bytes(extent: &Extent) -> u64 {
    match &extent.source {
        ExtentSource::Segment { .. } | ExtentSource::Marker { .. } => extent.bytes,
        ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => extent.bytes.max(OLD_ANSWER_BYTES_MIN as u64),
    }
}
