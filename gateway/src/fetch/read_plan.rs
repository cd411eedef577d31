//! Which runs of each old segment one fetch is going to read, so that its partitions share GETs.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use alluvium_model::{Extent, ExtentSource, ObjectId};
use bytes::Bytes;

use super::byte_budget::PartitionBudget;

/// The runs that a fetch will read, and those loaded early for a partition that is read later.
///
/// Runs loaded early are held here, although only for a short time, because the cache may evict them at once: a cache
/// under load keeps entries that were used twice, not new ones.
#[derive(Debug, Default)]
pub struct ReadPlan {
    /// Byte ranges of runs by segment; only segments of which the fetch reads several runs.
    planned: Mutex<HashMap<ObjectId, Vec<Range<u64>>>>,
    /// Runs loaded early, by segment and the byte at which the run starts.
    loaded: Mutex<HashMap<(ObjectId, u64), Bytes>>,
}

impl ReadPlan {
    /// Plans the runs that each partition's budget covers, up to `bytes_max` in all.
    pub fn new<'a, E>(reads: impl IntoIterator<Item = (E, PartitionBudget)>, bytes_max: u64) -> Self
    where
        E: IntoIterator<Item = &'a Extent>,
    {
        let mut planned: HashMap<ObjectId, Vec<Range<u64>>> = HashMap::new();
        let mut left = bytes_max;
        for (extents, budget) in reads {
            let mut budget_left = budget.bytes_max as u64;
            for extent in extents {
                if budget_left == 0 || left < extent.bytes {
                    break;
                }
                budget_left = budget_left.saturating_sub(extent.bytes);
                if let ExtentSource::Segment { position, .. } = &extent.source {
                    left -= extent.bytes;
                    planned.entry(extent.object).or_default().push(position.clone());
                }
            }
        }
        planned.retain(|_, runs| runs.len() > 1);
        Self { planned: Mutex::new(planned), loaded: Mutex::default() }
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
