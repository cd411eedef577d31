//! Which offsets are planned or worked on by this process, and which shared history files.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_model::{Extent, ObjectId, Offset, TopicPartition};

use crate::plan::Compaction;

/// What is planned or worked on.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<Compactions>);

#[derive(Default)]
struct Compactions {
    partitions: BTreeMap<TopicPartition, Vec<Busy>>,
    /// The shared files of all of them: all their parts are in flight, also those of other partitions.
    shared: BTreeSet<ObjectId>,
}

/// One compaction.
struct Busy {
    offsets: Range<Offset>,
    shared: Vec<ObjectId>,
}

/// What of a partition is in flight.
#[derive(Clone, Debug, Default)]
pub(crate) struct BusyExtents {
    offsets: Vec<Range<Offset>>,
    shared: BTreeSet<ObjectId>,
}

impl BusyExtents {
    /// Whether `extent` is among it.
    pub(crate) fn has(&self, extent: &Extent) -> bool {
        let Range { start, end } = extent.offsets;
        self.shared.contains(&extent.object) || self.offsets.iter().any(|busy| busy.start < end && start < busy.end)
    }
}

impl InFlight {
    /// Notes the offsets of `compaction`.
    pub(crate) fn add(&self, compaction: &Compaction) {
        let mut all = self.lock();
        let shared: Vec<ObjectId> = compaction.shared_files().collect();
        all.shared.extend(&shared);
        all.partitions.entry(compaction.partition).or_default().push(Busy { offsets: compaction.offsets(), shared });
    }

    /// Notes that nobody works on the `offsets` of a compaction of `partition` any more.
    pub(crate) fn remove(&self, partition: TopicPartition, offsets: &Range<Offset>) {
        let mut all = self.lock();
        let Compactions { partitions, shared } = &mut *all;
        let Some(of_partition) = partitions.get_mut(&partition) else { return };
        for done in of_partition.extract_if(.., |busy| busy.offsets == *offsets) {
            done.shared.iter().for_each(|id| {
                shared.remove(id);
            });
        }
        if of_partition.is_empty() {
            partitions.remove(&partition);
        }
    }

    /// What of `partition` is being worked on.
    pub(crate) fn of(&self, partition: TopicPartition) -> BusyExtents {
        let all = self.lock();
        let offsets = all.partitions.get(&partition).into_iter().flatten().map(|busy| busy.offsets.clone()).collect();
        BusyExtents { offsets, shared: all.shared.clone() }
    }

    /// Forgets all, after the task has panicked.
    pub(crate) fn clear(&self) {
        *self.lock() = Compactions::default();
    }

    /// Whether nothing is planned or worked on.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().partitions.is_empty()
    }

    /// How many partitions are being worked on.
    pub(crate) fn partitions(&self) -> usize {
        self.lock().partitions.len()
    }

    fn lock(&self) -> MutexGuard<'_, Compactions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
