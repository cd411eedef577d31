//! History files of format version 1, which nothing writes any more, are inputs of merges.

use std::time::Duration;

use alluvium_history::HistoryFile;
use alluvium_history::golden_v1::{self, PARTITION};
use alluvium_metastore::fixtures;
use alluvium_metastore::kv::KvFaults;
use alluvium_model::{ExtentSource, ObjectId, object_key};
use alluvium_runtime::Clock;

use super::drafts::drafts;
use super::world::World;
use crate::CompactorConfig;
use crate::rewrite::ObjectSource;

/// Puts the file into the place of the second extent of partition 3.
async fn replace_by_file(world: &mut World) {
    let extent = golden_v1::extent(ObjectId::new(world.clock.now(), 99, 1));
    let key = object_key::of_extent(golden_v1::TOPIC, PARTITION, &extent);
    world.objects.put(&key, vec![golden_v1::FILE.into()]).await.expect("put");
    let source = ObjectSource::new(world.objects.clone(), key.clone(), extent.bytes);
    let file = HistoryFile::open(&source).await.expect("open");
    let records = file.records(&source, extent.offsets.start, 1 << 20).await.expect("records");
    world.acknowledged.get_mut(&PARTITION).expect("known").splice(99..1_200, records);
    let inputs = &world.extents(PARTITION).await[1..2];
    fixtures::replace(&world.metastore, PARTITION, inputs, (extent, key), world.clock.now()).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_of_version_1_is_merged_into_one_of_version_2_and_deleted() {
    let mut world = World::new(4, &[("retention.ms", "-1")], KvFaults::none()).await;
    for records in [99, 1_101, 40, 40, 40] {
        world.commit(vec![(3, vec![drafts(records, 20, records as u64)])]).await;
    }
    replace_by_file(&mut world).await;
    world.check().await;
    // Each of the others is history before the next round, and then all of them are merged.
    let compactor = world.compactor(CompactorConfig { file_bytes_target: 1 << 20, ..CompactorConfig::default() });
    for _ in 0..3 {
        assert_eq!(compactor.run_once().await.failures, Vec::<String>::new());
        world.check().await;
        world.commit(vec![(3, vec![drafts(40, 20, 7)])]).await;
    }
    compactor.run_once().await;
    world.check().await;
    let extents = world.extents(PARTITION).await;
    assert!(extents.iter().all(|of| matches!(of.source, ExtentSource::History { .. })), "{extents:?}");
    world.advance(Duration::from_secs(601));
    compactor.run_once().await;
    assert!(world.keys().await.iter().all(|key| !key.contains('=')), "{:?}", world.keys().await);
    world.check_bucket().await;
}
