//! The extents that cannot be read. Pure.

use std::collections::BTreeSet;

use alluvium_model::{Extent, ObjectId, TopicPartition};

/// Extents remembered (about 60 B each). Those beyond are tried again, after a pause.
const BROKEN_MAX: usize = 10_000;

/// Extents that cannot be read. They stay as they are, and the rest of their partition is compacted.
#[derive(Debug, Default)]
pub(super) struct BrokenExtents(BTreeSet<(TopicPartition, ObjectId)>);

impl BrokenExtents {
    /// Remembers that `extent` cannot be read. Returns whether there was room.
    pub(super) fn add(&mut self, partition: TopicPartition, extent: &Extent) -> bool {
        let broken = (partition, extent.object);
        let has_room = self.0.len() < BROKEN_MAX || self.0.contains(&broken);
        if has_room {
            self.0.insert(broken);
        }
        has_room
    }

    /// The objects whose extents of `partition` cannot be read. If `extents` are all that it has (`is_whole`), others
    /// are forgotten.
    pub(super) fn of(&mut self, partition: TopicPartition, extents: &[Extent], is_whole: bool) -> BTreeSet<ObjectId> {
        let all = (partition, ObjectId([0; 16]))..=(partition, ObjectId([u8::MAX; 16]));
        let mut broken: BTreeSet<ObjectId> = self.0.range(all).map(|(_, object)| *object).collect();
        if is_whole && !broken.is_empty() {
            let live: BTreeSet<ObjectId> = extents.iter().map(|extent| extent.object).collect();
            for gone in broken.difference(&live) {
                self.0.remove(&(partition, *gone));
            }
            broken.retain(|object| live.contains(object));
        }
        broken
    }

    /// Forgets a partition that was deleted.
    pub(super) fn remove(&mut self, partition: TopicPartition) {
        self.of(partition, &[], true);
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::{ExtentSource, Offset, PartitionIndex, Timestamp, TopicId};

    use super::*;

    fn extent(n: i64) -> Extent {
        Extent {
            offsets: Offset(n)..Offset(n + 1),
            object: ObjectId::new(Timestamp(n), 0, 0),
            source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
            bytes: 1,
            records: 1,
            timestamps: (Timestamp(0), Timestamp(0)),
        }
    }

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new(TopicId::default(), PartitionIndex(number))
    }

    #[test]
    fn what_is_beyond_the_limit_is_refused_and_nothing_else_is_forgotten() {
        let mut broken = BrokenExtents::default();
        let max = i64::try_from(BROKEN_MAX).expect("small");
        assert!((0..max).all(|n| broken.add(partition(1), &extent(n))));
        assert!(!broken.add(partition(2), &extent(0)));
        assert!(broken.add(partition(1), &extent(0)), "it is known");
        assert_eq!(broken.of(partition(1), &[], false).len(), BROKEN_MAX);
        assert_eq!(broken.of(partition(2), &[], false).len(), 0);
    }

    #[test]
    fn what_a_partition_has_no_more_makes_room() {
        let mut broken = BrokenExtents::default();
        for (number, n) in [(1, 1), (1, 2), (2, 1), (3, 1)] {
            assert!(broken.add(partition(number), &extent(n)));
        }
        assert_eq!(broken.of(partition(1), &[extent(2), extent(3)], true), BTreeSet::from([extent(2).object]));
        broken.remove(partition(3));
        let left: Vec<_> = broken.0.iter().map(|(partition, _)| partition.partition.0).collect();
        assert_eq!(left, [1, 2]);
    }
}
