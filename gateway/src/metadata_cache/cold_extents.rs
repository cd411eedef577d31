//! Old extents: looked up in the metastore a page at a time, and cached for a while.
//!
//! A cached extent may have been swapped for another since; its object is deleted only after the retire grace. So no
//! page is used for longer than half of the grace, and a reader that nevertheless does not find an object looks up its
//! extents again.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::log::{FoundExtents, Log};
use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, Offset, TopicPartition};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::cached_partitions::bytes_from;
use super::{CachedExtents, MetadataCacheError};
use crate::bounded_cache;

/// Extents of one lookup: one bounded range read of the metastore.
const PAGE_EXTENTS: usize = 256;
/// Pages cached per partition: it can be read at this many offsets at once without another lookup.
const PAGES_PER_PARTITION_MAX: usize = 4;
/// Extents cached over all partitions: at about 200 B each, 20 MB.
const CACHED_EXTENTS_MAX: u64 = 100_000;
/// Partitions with cached pages, estimated.
const PARTITIONS_ESTIMATED: usize = 1_024;
/// Pages read for one fetch at most. If these are full of tiny extents, the fetch answers less than it might.
const PAGES_PER_FETCH_MAX: usize = 8;

/// Consecutive extents of a partition.
#[derive(Clone, Debug)]
struct Page {
    /// The offset that was looked up.
    from: Offset,
    /// The extent that holds `from`, or the next one, and those after it.
    extents: Arc<[Arc<Extent>]>,
    /// The stable offset when it was read.
    stable: Offset,
    /// The transactions aborted by then that concern the extents.
    aborted: Arc<[AbortedTransaction]>,
    /// The page is not used from then on.
    expires: Instant,
}

/// The pages of one partition, the latest last.
type Pages = Arc<Vec<Page>>;

/// Weighs the pages of a partition by their number of extents.
#[derive(Clone, Copy, Debug)]
struct ExtentCount;

impl Weighter<TopicPartition, Pages> for ExtentCount {
    fn weight(&self, _key: &TopicPartition, pages: &Pages) -> u64 {
        pages.iter().map(|page| (page.extents.len() + page.aborted.len()) as u64 + 1).sum::<u64>().max(1)
    }
}

/// Looks up extents and caches them.
pub struct ColdExtents {
    log: Log,
    ttl: Duration,
    pages: Cache<TopicPartition, Pages, ExtentCount>,
}

impl ColdExtents {
    /// Caches what it looks up in `log` for `ttl`.
    #[must_use]
    pub fn new(log: Log, ttl: Duration) -> Self {
        Self { log, ttl, pages: bounded_cache::by_weight(CACHED_EXTENTS_MAX, PARTITIONS_ESTIMATED, ExtentCount) }
    }

    /// The extents of `partition` that cover `offsets`, up to about `bytes`; if `committed`, with how the transactions in
    /// them have ended.
    pub async fn find(
        &self,
        partition: TopicPartition,
        offsets: Range<Offset>,
        bytes: u64,
        committed: bool,
    ) -> Result<CachedExtents, MetadataCacheError> {
        let mut found = CachedExtents::none();
        let mut at = offsets.start;
        let mut found_bytes = 0;
        for _ in 0..PAGES_PER_FETCH_MAX {
            let stable_to = if committed { offsets.end } else { Offset(0) };
            let page = self.page(partition, at, stable_to).await?;
            let before = found.extents.len();
            found.stable = found.stable.min(page.stable);
            found.add_aborted(&page.aborted);
            let first = page.extents.partition_point(|extent| extent.offsets.end <= at);
            for extent in page.extents.iter().skip(first) {
                if extent.offsets.start >= offsets.end || found_bytes >= bytes.max(1) {
                    return Ok(found);
                }
                found_bytes += bytes_from(extent, offsets.start);
                at = extent.offsets.end;
                found.extents.push(Arc::clone(extent));
            }
            if found.extents.len() == before {
                break;
            }
        }
        Ok(found)
    }

    /// Drops the cached pages of `partition`, because its extents changed.
    pub fn invalidate(&self, partition: TopicPartition) {
        self.pages.remove(&partition);
    }

    /// Drops all pages.
    pub fn clear(&self) {
        self.pages.clear();
    }

    /// The page that holds `at`, in which all transactions below `stable_to` have ended.
    async fn page(&self, partition: TopicPartition, at: Offset, stable_to: Offset) -> Result<Page, MetadataCacheError> {
        let now = Instant::now();
        let cached = self.pages.get(&partition).unwrap_or_default();
        if let Some(page) = cached.iter().find(|page| page.expires > now && page.holds(at) && page.is_stable(stable_to))
        {
            return Ok(page.clone());
        }
        let FoundExtents { extents, stable, aborted } = self.log.find_with_aborted(partition, at, PAGE_EXTENTS).await?;
        let extents = extents.into_iter().map(Arc::new).collect();
        let page = Page { from: at, extents, stable, aborted: aborted.into(), expires: now + self.ttl };
        let fresh = cached.iter().filter(|page| page.expires > now && !page.holds(at));
        let mut pages: Vec<Page> = fresh.cloned().collect();
        if pages.len() == PAGES_PER_PARTITION_MAX {
            pages.remove(0);
        }
        pages.push(page.clone());
        self.pages.insert(partition, Arc::new(pages));
        Ok(page)
    }
}

impl Page {
    /// Whether it is known of all transactions in it below `stable_to` how they ended.
    fn is_stable(&self, stable_to: Offset) -> bool {
        self.extents.last().is_none_or(|last| self.stable >= last.offsets.end.min(stable_to))
    }

    fn holds(&self, at: Offset) -> bool {
        self.from <= at && self.extents.last().is_some_and(|last| at < last.offsets.end)
    }
}
