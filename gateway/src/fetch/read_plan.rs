//! Which runs of each segment one fetch is going to read, so that its partitions share GETs, and which segments it
//! loads whole.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use alluvium_model::{Extent, ExtentSource, ObjectId};
use bytes::Bytes;

use super::byte_budget::PartitionBudget;
use super::tier::Tier;
use crate::metadata_cache::AnnouncedSegment;

/// The runs that a fetch will read, and those loaded early for a partition that is read later.
///
/// Runs loaded early are held here, although only for a short time, because the cache may evict them at once: a cache
/// under load keeps entries that were used twice, not new ones.
#[derive(Debug, Default)]
pub struct ReadPlan {
    /// Byte ranges of runs by segment; only segments of which the fetch reads several runs.
    planned: Mutex<HashMap<ObjectId, Vec<Range<u64>>>>,
    /// Segments that are loaded whole, each with the tier whose cache keeps it.
    whole: HashMap<ObjectId, Tier>,
    /// Runs loaded early, by segment and the byte at which the run starts.
    loaded: Mutex<HashMap<(ObjectId, u64), Bytes>>,
}

/// What is to be read of one segment.
#[derive(Debug)]
struct PlannedSegment {
    tier: Tier,
    runs: Vec<Range<u64>>,
}

impl ReadPlan {
    /// Plans the runs that each partition's budget covers, up to `bytes_max` in all. `announced` tells what is known of
    /// a segment; those at the tail are loaded whole as far back as the tail cache, of `tail_bytes`, can hold them.
    pub fn new<'a, E>(
        reads: impl IntoIterator<Item = (Tier, E, PartitionBudget)>,
        bytes_max: u64,
        tail_bytes: u64,
        announced: impl Fn(ObjectId) -> Option<AnnouncedSegment>,
    ) -> Self
    where
        E: IntoIterator<Item = &'a Extent>,
    {
        let mut planned: HashMap<ObjectId, PlannedSegment> = HashMap::new();
        let mut left = bytes_max;
        for (tier, extents, budget) in reads {
            let mut budget_left = budget.bytes_max as u64;
            for extent in extents {
                if budget_left == 0 || left < extent.bytes {
                    break;
                }
                budget_left = budget_left.saturating_sub(extent.bytes);
                if let ExtentSource::Segment { position, .. } = &extent.source {
                    left -= extent.bytes;
                    let segment = planned.entry(extent.object);
                    segment.or_insert_with(|| PlannedSegment { tier, runs: Vec::new() }).runs.push(position.clone());
                }
            }
        }
        let tier = |(object, segment): (&ObjectId, &PlannedSegment)| {
            Some((*object, segment.loaded_whole(announced(*object)?, tail_bytes)?))
        };
        let whole: HashMap<ObjectId, Tier> = planned.iter().filter_map(tier).collect();
        let several =
            planned.into_iter().filter(|(object, segment)| segment.runs.len() > 1 && !whole.contains_key(object));
        let planned = several.map(|(object, segment)| (object, segment.runs)).collect();
        Self { planned: Mutex::new(planned), whole, loaded: Mutex::default() }
    }

    /// The tier whose cache keeps segment `object`, if it is loaded whole.
    pub fn whole(&self, object: ObjectId) -> Option<Tier> {
        self.whole.get(&object).copied()
    }

    /// The runs planned for segment `object`. Only the first caller gets them, because it loads all of them.
    pub fn take_planned(&self, object: ObjectId) -> Vec<Range<u64>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).remove(&object).unwrap_or_default()
    }

    /// Holds the run that starts at byte `start` of `object` until its partition is read.
    pub fn hold(&self, object: ObjectId, start: u64, run: Bytes) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert((object, start), run);
    }

    /// Takes out the run that starts at byte `start` of `object`, if it is held.
    pub fn take_held(&self, object: ObjectId, start: u64) -> Option<Bytes> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(&(object, start))
    }
}

impl PlannedSegment {
    /// The tier whose cache keeps the segment, if it is loaded whole: at the tail, where readers of its other
    /// partitions come at the same time; and if the fetch reads at least half of it.
    fn loaded_whole(&self, announced: AnnouncedSegment, tail_bytes: u64) -> Option<Tier> {
        if self.tier == Tier::Tail && announced.is_new && announced.bytes_since <= tail_bytes {
            return Some(Tier::Tail);
        }
        let wanted: u64 = self.runs.iter().map(|run| run.end - run.start).sum();
        (2 * wanted >= announced.bytes).then_some(Tier::Cold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(tier: Tier, runs: &[Range<u64>]) -> PlannedSegment {
        PlannedSegment { tier, runs: runs.to_vec() }
    }

    /// One byte of the segment.
    fn one_run(tier: Tier) -> PlannedSegment {
        PlannedSegment { tier, runs: std::iter::once(0..1).collect() }
    }

    #[test]
    fn a_segment_is_loaded_whole_at_the_tail_or_if_most_of_it_is_wanted() {
        let segment = AnnouncedSegment { bytes: 100, bytes_since: 300, is_new: true };
        assert_eq!(one_run(Tier::Tail).loaded_whole(segment, 300), Some(Tier::Tail));
        assert_eq!(one_run(Tier::Tail).loaded_whole(segment, 299), None, "it would be evicted at once");
        assert_eq!(one_run(Tier::Cold).loaded_whole(segment, 300), None);
        let old = AnnouncedSegment { is_new: false, ..segment };
        assert_eq!(one_run(Tier::Tail).loaded_whole(old, 300), None);
        assert_eq!(planned(Tier::Cold, &[0..20, 70..100]).loaded_whole(old, 300), Some(Tier::Cold));
        assert_eq!(planned(Tier::Cold, &[0..20, 71..100]).loaded_whole(old, 300), None);
    }
}
