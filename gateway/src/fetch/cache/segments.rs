//! Segments in the block cache: whole, or run by run.
//!
//! The fetch decides what is loaded (`tier`): at the tail a segment is one block, because a reader of one of its
//! partitions comes together with readers of the others.
//!
//! In an old segment each run is a block, so that a reader of one partition of many does not load the others. The runs
//! that one fetch reads of one segment share a GET ([`ReadPlan`]). If readers of other runs of the segment come while
//! the runs loaded before are still cached, and what they have cost comes to half of what the whole segment costs, the
//! whole is loaded: while the cache keeps up, a segment costs at most about twice as much as the better of the two
//! ways.
//!
//! A whole segment may be much larger than the run that is wanted of it. What a reader of old records gets is a copy
//! then; at the tail it is a slice, unless answers on slow sockets already keep many evicted segments in memory.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use alluvium_model::{ObjectId, limits};
use bytes::Bytes;
use quick_cache::sync::GuardResult;

use super::super::LoadError;
use super::super::read_plan::ReadPlan;
use super::block_cache::{BlockCache, LoadGuard, LoadedRuns, ObjectRef, WHOLE, ends_before, slice};
use crate::peers::BlockName;

/// The runs loaded last that must still be cached for the whole segment to be loaded.
const STARTS_REMEMBERED_MAX: usize = 2;
/// What a GET costs besides its bytes, as bytes: on S3 it takes as much time as these.
const GET_COST_BYTES: u64 = 256 << 10;
/// Evicted segments that answers keep in memory, as a part of the cache's size (a quarter): beyond, slices are copied.
const EVICTED_PART_MAX: u64 = 4;
/// A cache that holds fewer segments than this does not load them whole: they would be evicted before the next reader.
const SEGMENTS_HELD_MIN: u64 = 4;
/// Does not wait for another reader that loads the same block.
const NO_WAIT: Option<Duration> = Some(Duration::ZERO);

impl BlockCache {
    /// The bytes of `range` of a segment that is loaded as a whole.
    pub async fn read_whole(&self, object: ObjectRef<'_>, range: Range<u64>) -> Result<Bytes, LoadError> {
        let whole = self.whole(object).await?;
        self.part(&whole, &range).ok_or_else(|| ends_before(object.key, range.end))
    }

    /// The bytes of `range` of a segment, if the whole of it is cached.
    pub fn cached_part(&self, object: ObjectId, range: &Range<u64>) -> Option<Bytes> {
        let part = self.shared.blocks.get(&(object, WHOLE)).and_then(|whole| self.part(&whole, range))?;
        self.shared.metrics.cache_hits.inc();
        Some(part)
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
            let _permit = self.load_permit(limits::SEGMENT_BYTES_MAX as u64).await?;
            Ok::<Bytes, LoadError>(self.shared.objects.get(object.key).await?)
        };
        let whole = match &self.peer_cache {
            Some(peer_cache) => peer_cache.load(&BlockName::segment(object.id), store).await?.bytes,
            None => store.await?,
        };
        let whole = self.shared.live.track(whole);
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
        if let Some(cached) = self.shared.blocks.get(&(object, run.start)) {
            self.shared.metrics.cache_hits.inc();
            return Some(cached);
        }
        self.cached_part(object, run)
    }

    /// The bytes of `range` of a whole segment: a slice, or a copy if the slice would keep too much in memory.
    fn part(&self, whole: &Bytes, range: &Range<u64>) -> Option<Bytes> {
        let part = slice(whole, range.start, range.end)?;
        let evicted = self.shared.live.bytes().saturating_sub(self.shared.blocks.weight());
        let is_small = part.len() < whole.len() / 2;
        let is_copied = is_small && evicted > self.shared.bytes_max / EVICTED_PART_MAX;
        Some(if is_copied { Bytes::copy_from_slice(&part) } else { part })
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
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let (loaded, segment_bytes) = {
            let _permit = self.load_permit(bytes).await?;
            self.shared.objects.get_ranges_and_size(object.key, &ranges).await?
        };
        self.note_loaded_runs(object.id, run.start, bytes, segment_bytes);
        let is_alone = missing.len() == 1;
        let mut first = None;
        for ((range, guard), read) in missing.into_iter().zip(loaded) {
            // Copied, so that a cached run does not keep the memory of those loaded with it.
            let read = if is_alone { read } else { Bytes::copy_from_slice(&read) };
            let read = self.shared.live.track(read);
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

    /// Whether readers of other runs have cost enough, and come so soon that the runs loaded before are still cached.
    fn should_load_whole(&self, object: ObjectId) -> bool {
        let Some(LoadedRuns { starts, cost, segment_bytes }) = self.shared.loaded_runs.get(&object) else {
            return false;
        };
        let is_cached = |start: &u64| self.shared.blocks.peek(&(object, *start)).is_some();
        2 * cost >= segment_bytes + GET_COST_BYTES
            && self.shared.bytes_max >= SEGMENTS_HELD_MIN * limits::SEGMENT_BYTES_MAX as u64
            && starts.iter().all(is_cached)
    }

    fn note_loaded_runs(&self, object: ObjectId, start: u64, bytes: u64, segment_bytes: u64) {
        let before = self.shared.loaded_runs.get(&object).unwrap_or_default();
        let dropped = before.starts.len().saturating_sub(STARTS_REMEMBERED_MAX - 1);
        let starts = Arc::new(before.starts.iter().skip(dropped).copied().chain([start]).collect());
        let cost = before.cost + bytes + GET_COST_BYTES;
        self.shared.loaded_runs.insert(object, LoadedRuns { starts, cost, segment_bytes });
    }
}
