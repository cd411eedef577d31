//! The invariants, checked after every step.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_metastore::{
    Metastore,
    feed::{FeedEntry, FeedPosition},
};
use alluvium_model::{Extent, Offset, Timestamp, TopicPartition, log::Head};

use crate::model::{Model, Partition};

/// The state that an agent derives from the feed, followed from its beginning.
#[derive(Debug, Default)]
pub struct Follower {
    position: FeedPosition,
    extents: BTreeMap<TopicPartition, BTreeMap<Offset, Extent>>,
    starts: BTreeMap<TopicPartition, Offset>,
}

impl Follower {
    async fn follow(&mut self, metastore: &Metastore) {
        loop {
            let entries = metastore.feed.read(&self.position, 3).await.expect("the feed reads");
            if entries.is_empty() {
                assert_eq!(metastore.feed.position().await, Ok(self.position));
                return;
            }
            for (position, entry) in entries {
                assert!(position > self.position, "the feed goes forward");
                self.position = position;
                self.apply(entry);
            }
        }
    }

    fn apply(&mut self, entry: FeedEntry) {
        match entry {
            FeedEntry::Commit { extents, stable } => {
                assert_eq!(stable, [], "no batch is transactional");
                for (partition, extent) in extents {
                    self.extents.entry(partition).or_default().insert(extent.offsets.end, extent);
                }
            }
            FeedEntry::Swap { partition, inputs, outputs } => {
                let extents = self.extents.entry(partition).or_default();
                extents.retain(|end, _| *end <= inputs.start || *end > inputs.end);
                extents.extend(outputs.into_iter().map(|extent| (extent.offsets.end, extent)));
            }
            FeedEntry::Trim { partition, start } => {
                self.starts.insert(partition, start);
                self.extents.entry(partition).or_default().retain(|end, _| *end > start);
            }
            FeedEntry::Topics { ids: _ } => {}
            FeedEntry::TransactionEnd { partitions } => panic!("no batch is transactional: {partitions:?}"),
        }
    }
}

/// Compares the metastore's whole content with the model.
pub async fn check(metastore: &Metastore, model: &Model, follower: &mut Follower, deleted: &[TopicPartition]) {
    follower.follow(metastore).await;
    let mut live = BTreeSet::new();
    for (partition, expected) in &model.partitions {
        let head = metastore.log.head(*partition).await.expect("a head reads").expect("every partition has a head");
        let extents = metastore.log.find(*partition, Offset(0), 1_000).await.expect("extents read");
        check_head(&head, expected);
        let size = metastore.log.sizes(&[*partition]).await.expect("a size reads");
        assert_eq!(size, [Some(extents.iter().map(|extent| extent.bytes).sum::<u64>())]);
        check_records(model, *partition, expected, &extents);
        check_finds(metastore, *partition, &extents).await;
        let followed: Vec<_> = follower.extents.entry(*partition).or_default().values().cloned().collect();
        assert_eq!(followed, extents, "the feed has every change");
        assert_eq!(follower.starts.get(partition).copied().unwrap_or_default(), head.start);
        live.extend(extents.into_iter().map(|extent| extent.object));
    }
    for partition in deleted {
        assert_eq!(metastore.log.head(*partition).await, Ok(None), "a deleted partition is unknown");
        let extents = metastore.log.find(*partition, Offset(0), 1_000).await.expect("extents read");
        live.extend(extents.into_iter().map(|extent| extent.object));
    }
    let retired = metastore.objects.retired_due(Timestamp(i64::MAX - 1), 1_000).await.expect("the retire queue reads");
    let retired: BTreeSet<_> = retired.into_iter().map(|retired| retired.id).collect();
    let unreferenced: BTreeSet<_> = model.objects.difference(&live).copied().collect();
    assert_eq!(retired, unreferenced, "an object is retired exactly while nothing references it");
    let known: Vec<_> = model.objects.iter().copied().collect();
    assert_eq!(metastore.objects.known(&known).await, Ok(vec![true; known.len()]));
}

fn check_head(head: &Head, expected: &Partition) {
    assert_eq!(head.next, Offset(expected.records.len() as i64));
    assert_eq!(head.start, Offset(expected.start));
    assert_eq!(head.stable, head.next);
}

fn check_records(model: &Model, partition: TopicPartition, expected: &Partition, extents: &[Extent]) {
    let next = expected.records.len() as i64;
    let mut at = extents.first().map_or(next, |extent| extent.offsets.start.0);
    assert!(at <= expected.start, "every record from the log start on is in an extent");
    assert!(
        extents.first().is_none_or(|oldest| oldest.offsets.end.0 > expected.start),
        "no extent is below the log start"
    );
    for extent in extents {
        assert_eq!(extent.offsets.start.0, at, "extents lie end to end");
        at = extent.offsets.end.0;
        let records = model.read(partition, extent);
        let offsets: Vec<_> = records.keys().copied().collect();
        assert_eq!(offsets, (extent.offsets.start.0..at).collect::<Vec<_>>(), "offsets grow by one for each record");
        for (offset, record) in records {
            assert_eq!(record, expected.records[offset as usize], "{partition} at {offset} reads what was appended");
        }
    }
    assert_eq!(at, next, "the extents end where the log ends");
}

async fn check_finds(metastore: &Metastore, partition: TopicPartition, extents: &[Extent]) {
    for (n, extent) in extents.iter().enumerate() {
        for offset in [extent.offsets.start, Offset(extent.offsets.end.0 - 1)] {
            let found = metastore.log.find(partition, offset, 2).await.expect("extents read");
            assert_eq!(found, extents[n..extents.len().min(n + 2)]);
        }
    }
    let latest = metastore.log.find_latest_timestamp(partition).await.expect("extents read");
    let by_time = extents.iter().rev().max_by_key(|extent| extent.timestamps.1);
    assert_eq!(latest.as_ref(), by_time);
    if let Some(Extent { timestamps: (_, time), .. }) = by_time {
        let first = extents.iter().find(|extent| extent.timestamps.1 >= *time);
        assert_eq!(metastore.log.find_by_timestamp(partition, *time, Offset(0)).await, Ok(first.cloned()));
        assert_eq!(metastore.log.find_by_timestamp(partition, time.plus_ms(1), Offset(0)).await, Ok(None));
    }
}
