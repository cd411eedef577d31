//! Appending to the feed, in the transaction that makes the change.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_model::{Extent, Offset, Timestamp, TopicPartition};

use super::{
    entry::FeedEntry,
    entry_row::{self, COMMIT_EXTENT_BYTES},
    key::{end_key, entries_prefix},
};
use crate::{keyspace::CHUNK_BYTES_MAX, kv::Tx};

/// Partitions of the end of a transaction in one entry: about 120 B each.
const ENDS_PER_ENTRY_MAX: usize = 500;

/// Appends `entry`. Must be called at most once in a transaction. A commit too large for one value becomes several
/// entries.
pub(crate) fn append(tx: &Tx, now: Timestamp, entry: FeedEntry) {
    append_all(tx, now, vec![entry]);
}

/// Appends `entries` in their order, if there are any. Must be called at most once in a transaction.
pub(crate) fn append_all(tx: &Tx, now: Timestamp, entries: Vec<FeedEntry>) {
    if entries.is_empty() {
        return;
    }
    let prefix = entries_prefix();
    for (number, entry) in (0u16..).zip(entries.into_iter().flat_map(split)) {
        tx.set_versionstamped_key(&prefix, &number.to_be_bytes(), &entry_row::encode(now, &entry));
    }
    tx.add(&end_key(), 1);
}

fn split(entry: FeedEntry) -> Vec<FeedEntry> {
    match entry {
        FeedEntry::Commit { extents, stable } => split_commit(extents, &stable),
        FeedEntry::TransactionEnd { partitions } => {
            let entry = |partitions: &[_]| FeedEntry::TransactionEnd { partitions: partitions.to_vec() };
            partitions.chunks(ENDS_PER_ENTRY_MAX).map(entry).collect()
        }
        FeedEntry::Swap { .. } | FeedEntry::Trim { .. } | FeedEntry::Topics { .. } => vec![entry],
    }
}

fn split_commit(extents: Vec<(TopicPartition, Extent)>, stable: &[(TopicPartition, Offset)]) -> Vec<FeedEntry> {
    let mut entries: Vec<Vec<(TopicPartition, Extent)>> = Vec::new();
    let mut bytes = CHUNK_BYTES_MAX;
    for (partition, extent) in extents {
        let size = COMMIT_EXTENT_BYTES + entry_row::extent_bytes(&extent);
        bytes += size;
        if bytes > CHUNK_BYTES_MAX {
            entries.push(Vec::new());
            bytes = size;
        }
        entries.last_mut().expect("the first extent opens an entry").push((partition, extent));
    }
    let unstable: BTreeMap<_, _> = stable.iter().copied().collect();
    let entry = |extents: Vec<(TopicPartition, Extent)>| {
        let partitions: BTreeSet<_> = extents.iter().map(|(partition, _)| *partition).collect();
        let stable = partitions.into_iter().filter_map(|of| Some((of, *unstable.get(&of)?))).collect();
        FeedEntry::Commit { extents, stable }
    };
    entries.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use alluvium_model::{ExtentSource, ObjectId, Offset, PartitionIndex, TopicId};

    use super::*;

    #[test]
    fn a_commit_of_thousands_of_extents_fits_into_values() {
        let extent = |n: i32| Extent {
            offsets: Offset(1 << 40)..Offset((1 << 40) + 1),
            object: ObjectId::default(),
            source: ExtentSource::Segment { position: 0..1 << 40, rejected: (0..2_000).step_by(9).collect() },
            bytes: 1 << 40,
            records: 1,
            timestamps: (Timestamp(i64::from(n)), Timestamp(-1)),
        };
        let extents: Vec<_> =
            (0..1_000).map(|n| (TopicPartition::new(TopicId::default(), PartitionIndex(n)), extent(n))).collect();
        let stable = extents.iter().map(|(partition, _)| (*partition, Offset(7))).collect::<Vec<_>>();
        let entries = split(FeedEntry::Commit { extents: extents.clone(), stable: stable.clone() });
        assert!(entries.iter().all(|entry| entry_row::encode(Timestamp(1), entry).len() < 100_000));
        let again = entries.into_iter().map(|entry| match entry {
            FeedEntry::Commit { extents, stable } => (extents, stable),
            other => panic!("{other:?}"),
        });
        let (again, unstable): (Vec<_>, Vec<_>) = again.unzip();
        assert_eq!(again.concat(), extents);
        assert_eq!(unstable.concat(), stable);
    }
}
