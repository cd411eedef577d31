//! Which offsets the jobs of this process are working on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_model::{Offset, TopicPartition};

use crate::plan::Job;

/// The offsets that jobs are working on.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<BTreeMap<TopicPartition, Vec<Range<Offset>>>>);

impl InFlight {
    /// Notes the offsets of `job`.
    pub(crate) fn add(&self, job: &Job) {
        for compaction in job.compactions() {
            self.map().entry(compaction.partition).or_default().push(compaction.offsets());
        }
    }

    /// Notes that `job` has ended.
    pub(crate) fn remove(&self, job: &Job) {
        let mut map = self.map();
        for compaction in job.compactions() {
            let Some(ranges) = map.get_mut(&compaction.partition) else { continue };
            let offsets = compaction.offsets();
            ranges.retain(|range| *range != offsets);
            if ranges.is_empty() {
                map.remove(&compaction.partition);
            }
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

    /// Whether no job is at work.
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
