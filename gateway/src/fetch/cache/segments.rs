//! Segments in the block cache: whole at the tail, run by run if they are old.
//!
//! At the tail a segment is one block, however large: it is usually no larger than two aligned blocks, and a reader of
//! one of its partitions is soon followed by readers of the others.
//!
//! In an old segment each run is a block, so that a reader of one partition of many does not load the others. The runs
//! that one fetch reads of one segment share a GET ([`ReadPlan`]). If readers of other runs of the segment come while
//! the runs loaded before are still cached, the whole segment is loaded: while the cache keeps up, a segment costs at
//! most [`SEPARATE_LOADS_MAX`] GETs of runs and one of the whole.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use alluvium_model::{ObjectId, limits};
use bytes::Bytes;
use quick_cache::sync::GuardResult;

use super::super::LoadError;
use super::super::read_plan::ReadPlan;
use super::block_cache::{BlockCache, LoadGuard, ObjectRef, WHOLE, ends_before, slice};
use crate::peers::BlockName;

/// Separate loads of runs of one segment, after which the whole segment is loaded.
const SEPARATE_LOADS_MAX: usize = 2;
/// A cache that holds fewer segments than this does not load them whole: they would be evicted before the next reader.
const SEGMENTS_HELD_MIN: u64 = 4;
/// Does not wait for another reader that loads the same block.
const NO_WAIT: Option<Duration> = Some(Duration::ZERO);

impl BlockCache {
    /// The bytes of `range` of a segment that is loaded as a whole.
    pub async fn read_whole(&self, object: ObjectRef<'_>, range: Range<u64>) -> Result<Bytes, LoadError> {
        let whole = self.whole(object).await?;
        slice(&whole, range.start, range.end).ok_or_else(|| ends_before(object.key, range.end))
    }

    /// A whole segment.
    pub async fn whole(&self, object: ObjectRef<'_>) -> Result<Bytes, LoadError> {
        let guard = match self.shared.blocks.get_value_or_guard_async(&(object.id, WHOLE)).await {
            Ok(whole) => {
                self.shared.metrics.cache_hits.inc();
                return Ok(whole);
            }
            Err(guard) => guard,
        };
        self.shared.metrics.cache_misses.inc();
        let store = async {
            let _permit = self.load_permit().await?;
            Ok::<Bytes, LoadError>(self.shared.objects.get(object.key).await?)
        };
        let whole = match &self.peer_cache {
            Some(peer_cache) => peer_cache.load(&BlockName::segment(object.id), store).await?.bytes,
            None => store.await?,
        };
        // An error means that the entry was removed meanwhile: the next reader loads it again.
        let _ = guard.insert(whole.clone());
        Ok(whole)
    }

    /// Whether a whole segment is cached.
    #[must_use]
    pub fn has_whole(&self, object: ObjectId) -> bool {
        self.shared.blocks.peek(&(object, WHOLE)).is_some()
    }

    /// The run at byte range `run` of a segment. Loads the other runs that the same fetch reads of the segment with it.
    pub async fn read_run(
        &self,
        object: ObjectRef<'_>,
        run: Range<u64>,
        read_plan: &ReadPlan,
    ) -> Result<Bytes, LoadError> {
        let read = match read_plan.take_held(object.id, run.start) {
            Some(held) => held,
            None => match self.cached_run(object.id, &run) {
                Some(cached) => cached,
                None if self.should_load_whole(object.id) => return self.read_whole(object, run).await,
                None => self.load_run(object, run.clone(), read_plan).await?,
            },
        };
        slice(&read, 0, run.end - run.start).ok_or_else(|| ends_before(object.key, run.end))
    }

    fn cached_run(&self, object: ObjectId, run: &Range<u64>) -> Option<Bytes> {
        let blocks = &self.shared.blocks;
        let from_whole = || blocks.get(&(object, WHOLE)).and_then(|whole| slice(&whole, run.start, run.end));
        let cached = blocks.get(&(object, run.start)).or_else(from_whole)?;
        self.shared.metrics.cache_hits.inc();
        Some(cached)
    }

    async fn load_run(&self, object: ObjectRef<'_>, run: Range<u64>, read_plan: &ReadPlan) -> Result<Bytes, LoadError> {
        let guard = match self.shared.blocks.get_value_or_guard_async(&(object.id, run.start)).await {
            Ok(loaded) => {
                self.shared.metrics.cache_hits.inc();
                return Ok(loaded);
            }
            Err(guard) => guard,
        };
        let missing = self.with_planned_runs(object.id, run.clone(), guard, read_plan);
        self.shared.metrics.cache_misses.inc_by(missing.len() as u64);
        let ranges: Vec<Range<u64>> = missing.iter().map(|(range, _)| range.clone()).collect();
        let loaded = {
            let _permit = self.load_permit().await?;
            self.shared.objects.get_ranges(object.key, &ranges).await?
        };
        self.note_loaded_run(object.id, run.start);
        let is_alone = missing.len() == 1;
        let mut first = None;
        for ((range, guard), read) in missing.into_iter().zip(loaded) {
            // Copied, so that a cached run does not keep the memory of those loaded with it.
            let read = if is_alone { read } else { Bytes::copy_from_slice(&read) };
            // An error means that the entry was removed meanwhile: the next reader loads it again.
            let _ = guard.insert(read.clone());
            if first.is_none() {
                first = Some(read);
            } else {
                read_plan.hold(object.id, range.start, read);
            }
        }
        first.ok_or_else(|| ends_before(object.key, run.end))
    }

    /// `run`, and the planned runs of the segment that are neither cached nor being loaded.
    fn with_planned_runs<'a>(
        &'a self,
        object: ObjectId,
        run: Range<u64>,
        guard: LoadGuard<'a>,
        read_plan: &ReadPlan,
    ) -> Vec<(Range<u64>, LoadGuard<'a>)> {
        let planned = read_plan.take_planned(object).into_iter().filter(|planned| planned.start != run.start);
        // Waits for none of them: the holder of a guard waits for the store only.
        let start_load =
            |planned: Range<u64>| match self.shared.blocks.get_value_or_guard(&(object, planned.start), NO_WAIT) {
                GuardResult::Guard(guard) => Some((planned, guard)),
                GuardResult::Value(_) | GuardResult::Timeout => None,
            };
        let planned: Vec<_> = planned.filter_map(start_load).collect();
        [(run, guard)].into_iter().chain(planned).collect()
    }

    /// Whether readers of other runs come so soon that the runs loaded before are still cached.
    fn should_load_whole(&self, object: ObjectId) -> bool {
        let segment_bytes = limits::SEGMENT_BYTES_MAX as u64;
        let Some(starts) = self.shared.loaded_runs.get(&object) else { return false };
        let is_cached = |start: &u64| self.shared.blocks.peek(&(object, *start)).is_some();
        starts.len() >= SEPARATE_LOADS_MAX
            && self.shared.bytes_max >= SEGMENTS_HELD_MIN * segment_bytes
            && starts.iter().all(is_cached)
    }

    fn note_loaded_run(&self, object: ObjectId, start: u64) {
        let before = self.shared.loaded_runs.get(&object).unwrap_or_default();
        let dropped = before.len().saturating_sub(SEPARATE_LOADS_MAX - 1);
        let starts = before.iter().skip(dropped).copied().chain([start]).collect();
        self.shared.loaded_runs.insert(object, Arc::new(starts));
    }
}
