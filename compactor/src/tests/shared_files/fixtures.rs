//! A world in which small partitions share files, and what queries of those files see.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_history::HistoryFile;
use alluvium_metastore::kv::KvFaults;
use alluvium_model::{Offset, TopicPartition, object_key};
use alluvium_runtime::Clock;

use crate::CompactorConfig;
use crate::rewrite::ObjectSource;
use crate::tests::drafts::drafts;
use crate::tests::world::{World, config};

/// Files are full after 1 MiB, shared ones after 105 kB: a partition with less than 52 kB shares.
pub(in crate::tests) fn sharing() -> CompactorConfig {
    CompactorConfig { file_bytes_target: 1 << 20, ..config() }
}

pub(super) async fn world(partitions: i32) -> World {
    World::new(partitions, &[("retention.ms", "-1")], KvFaults::none()).await
}

/// A segment with a batch of a record of `bytes` for each of `partitions`.
pub(super) async fn commit(world: &mut World, partitions: impl IntoIterator<Item = i32>, bytes: usize) {
    let n = world.clock.now().0.cast_unsigned();
    world.commit(partitions.into_iter().map(|partition| (partition, vec![drafts(1, bytes, n)])).collect()).await;
}

/// How many of the extents of `partition` are parts of shared files, and how many files of their own.
pub(in crate::tests) async fn kinds(world: &World, partition: i32) -> (usize, usize) {
    let extents = world.extents(world.partition(partition)).await;
    let shared = extents.iter().filter(|extent| extent.is_shared()).count();
    (shared, extents.iter().filter(|extent| !extent.is_shared() && !extent.is_level_0()).count())
}

/// What a query of all history files finds: how often each record that is not deleted, is there. Files that wait for
/// their deletion do not count.
async fn queried(world: &World) -> BTreeMap<(TopicPartition, Offset), usize> {
    let live: BTreeSet<_> = world.all_extents().await.iter().map(|extent| extent.object).collect();
    let mut found = BTreeMap::new();
    for listed in world.objects.list(object_key::HISTORY, None, 100_000).await.expect("list") {
        if !object_key::parse(&listed.key).is_some_and(|id| live.contains(&id)) {
            continue;
        }
        let source = ObjectSource::new(world.objects.clone(), listed.key.clone(), listed.bytes);
        let file = HistoryFile::open(&source).await.expect("open");
        for identity in file.identities() {
            let part = file.of(identity.partition).expect("it is in the file");
            let records = part.records(&source, identity.offsets.start, usize::MAX >> 1).await.expect("records");
            for record in records {
                *found.entry((identity.partition, record.offset)).or_default() += 1;
            }
        }
    }
    found
}

/// Asserts that a query finds every record of history from the log starts on exactly once.
pub(super) async fn check_queries(world: &World) {
    let found = queried(world).await;
    for partition in world.topic.all_partitions() {
        let extents = world.extents(partition).await;
        for record in world.expected(partition).await {
            let is_history = extents.iter().any(|of| !of.is_level_0() && of.offsets.contains(&record.offset));
            let times = found.get(&(partition, record.offset)).copied().unwrap_or(0);
            assert_eq!(times, usize::from(is_history), "{partition} {}", record.offset);
        }
    }
}

pub(in crate::tests) async fn check(world: &World) {
    world.check().await;
    check_queries(world).await;
}
