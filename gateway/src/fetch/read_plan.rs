//! What one fetch is going to read of each segment, so that its partitions share GETs.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use alluvium_model::{Extent, ExtentSource, ObjectId};
use bytes::Bytes;

use super::byte_budget::Share;

/// Runs wanted, and those already loaded for a partition whose turn has not come.
///
/// Runs held are not held for long, but they have to be held: a cache in use keeps what was used twice, not what is new.
#[derive(Debug, Default)]
pub struct ReadPlan {
    wanted: Mutex<HashMap<ObjectId, Vec<Range<u64>>>>,
    held: Mutex<HashMap<(ObjectId, u64), Bytes>>,
}

impl ReadPlan {
    /// The runs which `shares` of partitions go as far as, of up to `bytes_max` in all.
    pub fn new<'a, E>(reads: impl IntoIterator<Item = (E, Share)>, bytes_max: u64) -> Self
    where
        E: IntoIterator<Item = &'a Extent>,
    {
        let mut wanted: HashMap<ObjectId, Vec<Range<u64>>> = HashMap::new();
        let mut left = bytes_max;
        for (extents, share) in reads {
            let mut share_left = share.bytes_max as u64;
            for extent in extents {
                if share_left == 0 || left < extent.bytes {
                    break;
                }
                share_left = share_left.saturating_sub(extent.bytes);
                if let ExtentSource::Segment { position, .. } = &extent.source {
                    left -= extent.bytes;
                    wanted.entry(extent.object).or_default().push(position.clone());
                }
            }
        }
        wanted.retain(|_, runs| runs.len() > 1);
        Self { wanted: Mutex::new(wanted), held: Mutex::default() }
    }

    /// The runs wanted of `object`: told once, to who loads the first of them.
    pub fn take(&self, object: ObjectId) -> Vec<Range<u64>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).remove(&object).unwrap_or_default()
    }

    /// Keeps a run until its partition's turn.
    pub fn hold(&self, object: ObjectId, start: u64, run: Bytes) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert((object, start), run);
    }

    /// A run that was kept.
    pub fn held(&self, object: ObjectId, start: u64) -> Option<Bytes> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&(object, start))
    }
}
