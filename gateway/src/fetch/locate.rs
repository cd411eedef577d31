//! Locates the records that a fetch requests: the head of each partition, its extents, and about how many bytes they
//! have. At the tail this needs no metastore read.

use std::sync::Arc;

use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, Offset, TopicPartition};
use futures::{StreamExt, stream};

use super::tier::{Tier, find_extents};
use super::{Fetch, FetchError, FetchPartition, FetchPlan};
use crate::metadata_cache::{CachedExtents, CachedHead, MetadataCacheError, bytes_from};

/// Partitions of one fetch looked up at the same time.
const CONCURRENT_LOOKUPS_MAX: usize = 16;

/// Where the records of one partition are.
#[derive(Clone, Debug)]
pub struct LocatedPartition {
    /// The partition's head when it was looked up; `None` if the partition does not exist.
    pub head: Option<CachedHead>,
    /// The extents to read, or why there are none.
    pub extents: Result<LocatedExtents, FetchError>,
}

/// The extents to read for one partition.
#[derive(Clone, Debug)]
pub struct LocatedExtents {
    /// Whether the first record is new or old.
    pub tier: Tier,
    /// In order, from the one that holds the fetch offset on.
    pub extents: Vec<Arc<Extent>>,
    /// The reader may see no record at or after this offset.
    pub until: Offset,
    /// Bytes from the fetch offset on, estimated.
    pub available: u64,
    /// The transactions that are known to be aborted, in the order of their markers, if the reader asks for committed
    /// records only.
    pub aborted: Vec<AbortedTransaction>,
}

impl LocatedPartition {
    /// Bytes that can be read, estimated; 0 if the partition cannot be read.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.extents.as_ref().map_or(0, |extents| extents.available)
    }

    /// Whether the partition's records are old.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        self.extents.as_ref().is_ok_and(|extents| extents.tier == Tier::Cold)
    }

    fn failed(head: Option<CachedHead>, error: FetchError) -> Self {
        Self { head, extents: Err(error) }
    }

    /// Whether the partition or the offset seems not to exist.
    fn is_missing(&self) -> bool {
        match &self.extents {
            Ok(_) => false,
            Err(error) => matches!(error, FetchError::UnknownPartition(_) | FetchError::OffsetOutOfRange { .. }),
        }
    }
}

impl Fetch {
    /// Locates all partitions of `plan`. If one of them seems not to exist, the metadata cache is brought up to date
    /// and the partition is located again.
    pub(super) async fn locate(&self, plan: &FetchPlan) -> Vec<LocatedPartition> {
        let partitions: Vec<TopicPartition> = plan.partitions.iter().map(|requested| requested.partition).collect();
        if let Err(error) = self.shared.loader.metadata_cache.load_heads(&partitions).await {
            return partitions.iter().map(|_| LocatedPartition::failed(None, metastore_failed(&error))).collect();
        }
        let mut located: Vec<LocatedPartition> = stream::iter(plan.partitions.clone())
            .map(|requested| self.locate_one(plan, requested))
            .buffered(CONCURRENT_LOOKUPS_MAX)
            .collect()
            .await;
        if located.iter().any(LocatedPartition::is_missing) {
            self.locate_missing(plan, &mut located).await;
        }
        located
    }

    async fn locate_missing(&self, plan: &FetchPlan, located: &mut [LocatedPartition]) {
        let metadata_cache = &self.shared.loader.metadata_cache;
        let synced = metadata_cache.sync().await;
        let requested = plan.partitions.iter().copied();
        for (located, requested) in located.iter_mut().zip(requested).filter(|(located, _)| located.is_missing()) {
            *located = match &synced {
                Ok(()) => match metadata_cache.load_heads(&[requested.partition]).await {
                    Ok(()) => self.locate_one(plan, requested).await,
                    Err(error) => LocatedPartition::failed(None, metastore_failed(&error)),
                },
                Err(error) => LocatedPartition::failed(located.head, metastore_failed(error)),
            };
        }
    }

    /// Locates a partition again after one of its objects was not found: drops its cached extents and reads them from
    /// the metastore.
    pub(super) async fn locate_again(
        &self,
        plan: &FetchPlan,
        requested: FetchPartition,
    ) -> Result<LocatedExtents, FetchError> {
        let refreshed = self.shared.loader.metadata_cache.refresh(requested.partition).await;
        refreshed.map_err(|error| metastore_failed(&error))?;
        self.locate_one(plan, requested).await.extents
    }

    /// Locates one partition, whose head must have been loaded.
    pub(super) async fn locate_one(&self, plan: &FetchPlan, requested: FetchPartition) -> LocatedPartition {
        let FetchPartition { partition, offset, max_bytes } = requested;
        let metadata_cache = &self.shared.loader.metadata_cache;
        let Some(head) = metadata_cache.cached_head(partition) else {
            return LocatedPartition::failed(None, FetchError::UnknownPartition(partition));
        };
        if offset < head.start || offset > head.next {
            let error = FetchError::OffsetOutOfRange { offset, start: head.start, next: head.next };
            return LocatedPartition::failed(Some(head), error);
        }
        let until = if plan.read_committed { head.stable } else { head.next };
        let bytes = max_bytes.min(plan.max_bytes) as u64;
        let recent = &self.shared.loader.recent;
        match find_extents(metadata_cache, recent, partition, offset..until, bytes, plan.read_committed).await {
            Ok((tier, CachedExtents { mut extents, stable, aborted })) => {
                // The head may be newer than what is known about aborted transactions.
                let until = if plan.read_committed { until.min(stable) } else { until };
                extents.retain(|extent| extent.offsets.start < until);
                let available = extents.iter().map(|extent| bytes_from(extent, offset)).sum();
                let aborted = if plan.read_committed { aborted } else { Vec::new() };
                let extents = LocatedExtents { tier, extents, until, available, aborted };
                LocatedPartition { head: Some(head), extents: Ok(extents) }
            }
            Err(error) => LocatedPartition::failed(Some(head), metastore_failed(&error)),
        }
    }
}

fn metastore_failed(error: &MetadataCacheError) -> FetchError {
    FetchError::Metastore(error.to_string())
}
