//! The handle of the read path.

use alluvium_model::{Offset, TopicPartition};

use super::{FetchError, FetchPlan, FetchedPartition, FoundOffset, OffsetSpec, ReadRecord};

/// The read path. Clones share it.
#[derive(Clone)]
pub struct Fetch {}

impl Fetch {
    /// Reads the partitions of `plan`, in its order, waiting as it says. Dropping the future cancels.
    pub async fn fetch(&self, plan: FetchPlan) -> Vec<FetchedPartition> {
        let _ = plan;
        unimplemented!()
    }

    /// Answers one partition of `ListOffsets`.
    ///
    /// # Errors
    /// Where the partition is unknown or cannot be read.
    pub async fn list_offset(&self, partition: TopicPartition, spec: OffsetSpec) -> Result<FoundOffset, FetchError> {
        let _ = (partition, spec);
        unimplemented!()
    }

    /// Up to `limit` decoded records from `offset` on, without waiting.
    ///
    /// # Errors
    /// Where the partition is unknown or cannot be read, or the offset is out of range.
    pub async fn read_records(
        &self,
        partition: TopicPartition,
        offset: Offset,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, FetchError> {
        let _ = (partition, offset, limit);
        unimplemented!()
    }
}
