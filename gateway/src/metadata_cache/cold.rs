//! Extents that are not recent: looked up in the metastore a page at a time, and remembered for a while.
//!
//! A remembered extent may have been swapped away since; its object outlives the retire grace. So nothing is remembered
//! for longer than half of it, and who finds an object gone all the same looks again.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::log::Log;
use alluvium_model::{Extent, Offset, TopicPartition};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tokio::time::Instant;

use super::MetadataCacheError;
use super::estimate::bytes_from;

/// Extents of one lookup: one bounded range read of the metastore.
const PAGE_EXTENTS: usize = 256;
/// Pages remembered per partition: as many places at which it can be read at once without a lookup.
const PAGES_PER_PARTITION: usize = 4;
/// Extents remembered over all partitions: at about 200 B each, 20 MB.
const REMEMBERED_EXTENTS_MAX: u64 = 100_000;
/// Pages read for one fetch, at most: with full pages of tiny extents it answers less than it might.
const PAGES_PER_FETCH_MAX: usize = 8;

/// Consecutive extents from `from` on.
#[derive(Clone, Debug)]
struct Page {
    from: Offset,
    extents: Arc<[Arc<Extent>]>,
    expires: Instant,
}

/// The pages of one partition, the latest last.
type Pages = Arc<Vec<Page>>;

#[derive(Clone, Copy, Debug)]
struct PageExtents;

impl Weighter<TopicPartition, Pages> for PageExtents {
    fn weight(&self, _key: &TopicPartition, pages: &Pages) -> u64 {
        pages.iter().map(|page| page.extents.len() as u64 + 1).sum::<u64>().max(1)
    }
}

/// Looks up extents, and remembers them.
pub struct ColdExtents {
    log: Log,
    ttl: Duration,
    pages: Cache<TopicPartition, Pages, PageExtents>,
}

impl ColdExtents {
    /// Remembers what it finds for `ttl`.
    #[must_use]
    pub fn new(log: Log, ttl: Duration) -> Self {
        // One shard, so that a simulation forgets the same pages each time; a lookup is nothing against what it saves.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(1_024)
            .weight_capacity(REMEMBERED_EXTENTS_MAX)
            .shards(1)
            .build()
            .expect("both capacities are given");
        let pages =
            Cache::with_options(options, PageExtents, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { log, ttl, pages }
    }

    /// Extents from the one that holds `from` (or the next later one) up to `until`, of about `bytes`.
    pub async fn find(
        &self,
        partition: TopicPartition,
        from: Offset,
        until: Offset,
        bytes: u64,
    ) -> Result<Vec<Arc<Extent>>, MetadataCacheError> {
        let mut found: Vec<Arc<Extent>> = Vec::new();
        let mut at = from;
        let mut taken = 0;
        for _ in 0..PAGES_PER_FETCH_MAX {
            let page = self.page(partition, at).await?;
            let before = found.len();
            let first = page.extents.partition_point(|extent| extent.offsets.end <= at);
            for extent in page.extents.iter().skip(first) {
                if extent.offsets.start >= until || taken >= bytes.max(1) {
                    return Ok(found);
                }
                taken += bytes_from(extent, from);
                at = extent.offsets.end;
                found.push(Arc::clone(extent));
            }
            if found.len() == before {
                break;
            }
        }
        Ok(found)
    }

    /// Forgets what is remembered of `partition`: it has changed.
    pub fn forget(&self, partition: TopicPartition) {
        self.pages.remove(&partition);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.pages.clear();
    }

    async fn page(&self, partition: TopicPartition, at: Offset) -> Result<Page, MetadataCacheError> {
        let now = Instant::now();
        let known = self.pages.get(&partition).unwrap_or_default();
        if let Some(page) = known.iter().find(|page| page.expires > now && page.holds(at)) {
            return Ok(page.clone());
        }
        let extents = self.log.find(partition, at, PAGE_EXTENTS).await?;
        let page = Page { from: at, extents: extents.into_iter().map(Arc::new).collect(), expires: now + self.ttl };
        let fresh = known.iter().filter(|page| page.expires > now && !page.holds(at));
        let mut pages: Vec<Page> = fresh.cloned().collect();
        if pages.len() == PAGES_PER_PARTITION {
            pages.remove(0);
        }
        pages.push(page.clone());
        self.pages.insert(partition, Arc::new(pages));
        Ok(page)
    }
}

impl Page {
    fn holds(&self, at: Offset) -> bool {
        self.from <= at && self.extents.last().is_some_and(|last| at < last.offsets.end)
    }
}
