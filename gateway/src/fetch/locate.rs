//! Where the records that a fetch asks for are, and how many bytes of them: out of memory at the tail.

use std::sync::Arc;

use alluvium_model::{Extent, Offset, TopicPartition};
use futures::{StreamExt, stream};

use super::{Fetch, FetchError, FetchPartition, FetchPlan};
use crate::metadata_cache::{CachedHead, MetadataCacheError, Tier, bytes_from};

/// Partitions of one fetch looked up at once.
const LOOKUPS_AT_ONCE_MAX: usize = 16;

/// Where one partition's records are.
#[derive(Clone, Debug)]
pub struct Located {
    /// What the partition was when it was looked at; none where it does not exist.
    pub head: Option<CachedHead>,
    /// What was found, or why nothing.
    pub found: Result<Found, FetchError>,
}

/// The extents to read.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which cache they go through.
    pub tier: Tier,
    /// In order, from the one that holds the offset on.
    pub extents: Vec<Arc<Extent>>,
    /// The reader may see no further.
    pub until: Offset,
    /// Bytes in them from the offset on, about.
    pub available: u64,
}

impl Located {
    /// Bytes to be had, about.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.found.as_ref().map_or(0, |found| found.available)
    }

    fn failed(head: Option<CachedHead>, error: FetchError) -> Self {
        Self { head, found: Err(error) }
    }
}

impl Fetch {
    /// Looks up all partitions of a fetch. What seems not to exist is looked for again in an up-to-date cached.
    pub(super) async fn locate(&self, plan: &FetchPlan) -> Vec<Located> {
        let partitions: Vec<TopicPartition> = plan.partitions.iter().map(|asked| asked.partition).collect();
        if let Err(error) = self.shared.loader.metadata_cache.load_heads(&partitions).await {
            return partitions.iter().map(|_| Located::failed(None, metastore(&error))).collect();
        }
        let mut located: Vec<Located> = stream::iter(plan.partitions.clone())
            .map(|asked| self.locate_one(plan, asked))
            .buffered(LOOKUPS_AT_ONCE_MAX)
            .collect()
            .await;
        if located.iter().any(is_missing) {
            self.locate_missing(plan, &mut located).await;
        }
        located
    }

    async fn locate_missing(&self, plan: &FetchPlan, located: &mut [Located]) {
        let metadata_cache = &self.shared.loader.metadata_cache;
        let synced = metadata_cache.sync().await;
        let asked = plan.partitions.iter().copied();
        for (located, asked) in located.iter_mut().zip(asked).filter(|(located, _)| is_missing(located)) {
            *located = match &synced {
                Ok(()) => match metadata_cache.load_heads(&[asked.partition]).await {
                    Ok(()) => self.locate_one(plan, asked).await,
                    Err(error) => Located::failed(None, metastore(&error)),
                },
                Err(error) => Located::failed(located.head, metastore(error)),
            };
        }
    }

    /// Looks in the metastore for what was somewhere else before.
    pub(super) async fn locate_again(&self, plan: &FetchPlan, asked: FetchPartition) -> Result<Found, FetchError> {
        self.shared.loader.metadata_cache.refresh(asked.partition).await.map_err(|error| metastore(&error))?;
        self.locate_one(plan, asked).await.found
    }

    pub(super) async fn locate_one(&self, plan: &FetchPlan, asked: FetchPartition) -> Located {
        let FetchPartition { partition, offset, max_bytes } = asked;
        let metadata_cache = &self.shared.loader.metadata_cache;
        let Some(head) = metadata_cache.cached_head(partition) else {
            return Located::failed(None, FetchError::UnknownPartition(partition));
        };
        if offset < head.start || offset > head.next {
            let error = FetchError::OffsetOutOfRange { offset, start: head.start, next: head.next };
            return Located::failed(Some(head), error);
        }
        let until = if plan.read_committed { head.stable } else { head.next };
        let (tier, extents) = if offset >= until {
            (Tier::Tail, Vec::new())
        } else {
            let bytes = max_bytes.min(plan.max_bytes) as u64;
            match metadata_cache.extents(partition, offset, until, bytes).await {
                Ok(found) => found,
                Err(error) => return Located::failed(Some(head), metastore(&error)),
            }
        };
        let available = extents.iter().map(|extent| bytes_from(extent, offset)).sum();
        Located { head: Some(head), found: Ok(Found { tier, extents, until, available }) }
    }
}

fn is_missing(located: &Located) -> bool {
    match &located.found {
        Ok(_) => false,
        Err(error) => matches!(error, FetchError::UnknownPartition(_) | FetchError::OffsetOutOfRange { .. }),
    }
}

fn metastore(error: &MetadataCacheError) -> FetchError {
    FetchError::Metastore(error.to_string())
}
