//! History files of format version 1, which nothing writes any more, are inputs of merges.

use std::time::Duration;

use alluvium_history::HistoryFile;
use alluvium_metastore::fixtures;
use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::leases::LeaseKey;
use alluvium_metastore::log::NewObject;
use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, Timestamp, object_key};
use alluvium_runtime::Clock;

use super::drafts::drafts;
use super::world::World;
use crate::CompactorConfig;
use crate::rewrite::ObjectSource;

/// A file of offsets 99 to 1,199 of partition 3 of the topic of [`World`], with four records.
const FILE: &[u8] = include_bytes!("../../../crates/history/src/tests/golden-v1.parquet");

/// Puts the file into the place of the second extent of partition 3.
async fn replace_by_file(world: &mut World) {
    let partition = world.partition(3);
    let object = ObjectId::new(world.clock.now(), 99, 1);
    let extent = Extent {
        offsets: Offset(99)..Offset(1_200),
        object,
        source: ExtentSource::HistoryV1 { level: 1 },
        bytes: FILE.len() as u64,
        records: 4,
        timestamps: (Timestamp(-1), Timestamp(1_790_000_000_005)),
    };
    let key = object_key::of_extent("orders", partition, &extent);
    world.objects.put(&key, vec![FILE.into()]).await.expect("put");
    let source = ObjectSource::new(world.objects.clone(), key.clone(), extent.bytes);
    let file = HistoryFile::open(&source).await.expect("open");
    let records = file.records(&source, Offset(99), 1 << 20).await.expect("records");
    world.acknowledged.get_mut(&partition).expect("known").splice(99..1_200, records);

    let inputs = world.extents(partition).await[1..2].to_vec();
    let lease = fixtures::lease(&world.metastore, LeaseKey::Partition(partition)).await;
    let output = (extent, NewObject { key, bytes: FILE.len() as u64 });
    let (log, now) = (&world.metastore.log, world.clock.now());
    assert_eq!(log.swap(&lease, partition, &inputs, &[output], now, Duration::from_secs(600)).await, Ok(()));
    world.metastore.leases.release(&[lease]).await.expect("released");
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
    let extents = world.extents(world.partition(3)).await;
    assert!(extents.iter().all(|of| matches!(of.source, ExtentSource::History { .. })), "{extents:?}");
    world.advance(Duration::from_secs(601));
    compactor.run_once().await;
    assert!(world.keys().await.iter().all(|key| !key.contains('=')), "{:?}", world.keys().await);
    world.check_bucket().await;
}
