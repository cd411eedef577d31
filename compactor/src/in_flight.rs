//! Which offsets are planned or worked on by this process.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_model::{Offset, TopicPartition};

use crate::plan::Compaction;

/// The offsets that are planned or worked on.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<BTreeMap<TopicPartition, Vec<Range<Offset>>>>);

impl InFlight {
    /// Notes the offsets of `compaction`.
    pub(crate) fn add(&self, compaction: &Compaction) {
        self.map().entry(compaction.partition).or_default().push(compaction.offsets());
    }

    /// Notes that nobody works on the `offsets` of a compaction of `partition` any more.
    pub(crate) fn remove(&self, partition: TopicPartition, offsets: &Range<Offset>) {
        let mut map = self.map();
        let Some(ranges) = map.get_mut(&partition) else { return };
        ranges.retain(|range| range != offsets);
        if ranges.is_empty() {
            map.remove(&partition);
        }
    }

    /// The offsets of `partition` that are being worked on.
    pub(crate) fn of(&self, partition: TopicPartition) -> Vec<Range<Offset>> {
        self.map().get(&partition).cloned().unwrap_or_default()
    }

    /// Forgets all, after the task has panicked.
    pub(crate) fn clear(&self) {
        self.map().clear();
    }

    /// Whether nothing is planned or worked on.
    pub(crate) fn is_empty(&self) -> bool {
        self.map().is_empty()
    }

    /// How many partitions are being worked on.
    pub(crate) fn partitions(&self) -> usize {
        self.map().len()
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Vec<Range<Offset>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
