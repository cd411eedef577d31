//! Segments' runs: what one partition has in a segment is read as one piece, so a run is the block here, and whoever reads
//! one partition of many does not read the others.
//!
//! Runs that one fetch wants of one segment share a GET ([`ReadPlan`]). Where readers come for other runs of a segment while
//! those before them are still cached, it pays to load all of it: no segment is asked for more than [`LOADS_APART_MAX`]
//! times and once more, while the cache keeps up.

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{ObjectId, limits};
use bytes::Bytes;
use quick_cache::sync::GuardResult;

use super::super::LoadError;
use super::super::read_plan::ReadPlan;
use super::blocks::{BlockCache, Guard, WHOLE, ends_before, slice};

/// Separate loads of runs of one segment, after which the rest is loaded as well.
pub const LOADS_APART_MAX: usize = 2;
/// A cache that holds fewer segments than this does not load them whole for readers to come: they would be gone by then.
const SEGMENTS_HELD_MIN: u64 = 4;
/// Segments of which it is known which runs were loaded apart.
pub const LOADS_REMEMBERED_MAX: usize = 4_096;

/// Where the runs lie that were loaded apart.
pub type LoadsApart = Arc<Vec<u64>>;

impl BlockCache {
    /// The run at `run` of a segment. What else of it the same fetch wants is loaded along.
    pub async fn read_run(
        &self,
        object: ObjectId,
        key: &str,
        run: Range<u64>,
        read_plan: &ReadPlan,
    ) -> Result<Bytes, LoadError> {
        let read = match read_plan.held(object, run.start) {
            Some(held) => held,
            None => match self.cached_run(object, &run) {
                Some(cached) => cached,
                None if self.is_wanted_whole(object) => return self.read_whole(object, key, run).await,
                None => self.load_run(object, key, run.clone(), read_plan).await?,
            },
        };
        slice(&read, 0, run.end - run.start).ok_or_else(|| ends_before(key, run.end))
    }

    fn cached_run(&self, object: ObjectId, run: &Range<u64>) -> Option<Bytes> {
        let blocks = &self.shared.blocks;
        let whole = || blocks.get(&(object, WHOLE)).and_then(|whole| slice(&whole, run.start, run.end));
        let found = blocks.get(&(object, run.start)).or_else(whole)?;
        self.shared.metrics.cache_hits.inc();
        Some(found)
    }

    async fn load_run(
        &self,
        object: ObjectId,
        key: &str,
        run: Range<u64>,
        read_plan: &ReadPlan,
    ) -> Result<Bytes, LoadError> {
        let guard = match self.shared.blocks.get_value_or_guard_async(&(object, run.start)).await {
            Ok(loaded) => {
                self.shared.metrics.cache_hits.inc();
                return Ok(loaded);
            }
            Err(guard) => guard,
        };
        let along = read_plan.take(object).into_iter().filter(|wish| wish.start != run.start);
        // Waits for none of them: whoever holds a guard waits for the store only.
        let along =
            along.filter_map(|wish| match self.shared.blocks.get_value_or_guard(&(object, wish.start), NO_WAIT) {
                GuardResult::Guard(guard) => Some((wish, guard)),
                GuardResult::Value(_) | GuardResult::Timeout => None,
            });
        let missing: Vec<(Range<u64>, Guard<'_>)> = [(run.clone(), guard)].into_iter().chain(along).collect();
        self.shared.metrics.cache_misses.inc_by(missing.len() as u64);
        let ranges: Vec<Range<u64>> = missing.iter().map(|(range, _)| range.clone()).collect();
        let loaded = {
            let _slot = self.slot().await?;
            self.shared.objects.get_ranges(key, &ranges).await?
        };
        self.note_load(object, run.start);
        let alone = missing.len() == 1;
        let mut first = None;
        for ((range, guard), read) in missing.into_iter().zip(loaded) {
            // Copied, so that one run kept does not keep its peer_cache' memory.
            let read = if alone { read } else { Bytes::copy_from_slice(&read) };
            // An error means that the entry was removed meanwhile: the next reader loads it again.
            let _ = guard.insert(read.clone());
            if first.is_none() {
                first = Some(read);
            } else {
                read_plan.hold(object, range.start, read);
            }
        }
        first.ok_or_else(|| ends_before(key, run.end))
    }

    /// Whether readers come for run after run of a segment, so closely that what they loaded is still there.
    fn is_wanted_whole(&self, object: ObjectId) -> bool {
        let segment_bytes = limits::SEGMENT_BYTES_MAX as u64;
        let Some(apart) = self.shared.loads_apart.get(&object) else { return false };
        let is_here = |start: &u64| self.shared.blocks.peek(&(object, *start)).is_some();
        apart.len() >= LOADS_APART_MAX
            && self.shared.bytes_max >= SEGMENTS_HELD_MIN * segment_bytes
            && apart.iter().all(is_here)
    }

    fn note_load(&self, object: ObjectId, start: u64) {
        let before = self.shared.loads_apart.get(&object).unwrap_or_default();
        let latest = before.len().saturating_sub(LOADS_APART_MAX - 1);
        let apart = before.iter().skip(latest).copied().chain([start]).collect();
        self.shared.loads_apart.insert(object, Arc::new(apart));
    }
}

const NO_WAIT: Option<std::time::Duration> = Some(std::time::Duration::ZERO);
