//! History files of format version 1, which nothing writes any more, are read.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_metastore::fixtures;
use alluvium_metastore::leases::LeaseKey;
use alluvium_metastore::log::NewObject;
use alluvium_metastore::topics::NewTopic;
use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition, object_key,
};
use uuid::Uuid;

use crate::tests::world::{World, batch, produce, read_all};

/// A file of offsets 99 to 1,199 of partition 3 of the topic below, with four records.
const FILE: &[u8] = include_bytes!("../../../../crates/history/src/tests/golden-v1.parquet");
const TOPIC: TopicId = TopicId(Uuid::from_u128(0x1234));

#[tokio::test(start_paused = true)]
async fn a_file_of_version_1_is_read_between_segments() {
    let world = World::new().await;
    let (id, name, configs) = (TOPIC, "orders".to_owned(), BTreeMap::new());
    let topic = NewTopic { id, name, partitions: 4, replication_factor: 1, configs };
    world.metastore.topics.create(topic, world.clock.now()).await.expect("the topic is new");
    let partition = TopicPartition::new(TOPIC, PartitionIndex(3));
    let writer = world.agent().await;
    for values in [vec!["before"; 99], vec!["x"; 1_101], vec!["after"]] {
        produce(&writer, partition, batch(&values)).await.expect("acknowledged");
    }
    let inputs = world.metastore.log.find(partition, Offset(99), 1).await.expect("found");
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
    assert!(key.contains("/partition=3/00000000000000000099-"), "{key}");
    world.objects.put(&key, vec![FILE.into()]).await.expect("put");
    let output = (extent, NewObject { key, bytes: FILE.len() as u64 });
    let lease = fixtures::lease(&world.metastore, LeaseKey::Partition(partition)).await;
    let (log, now) = (&world.metastore.log, world.clock.now());
    assert_eq!(log.swap(&lease, partition, &inputs, &[output], now, Duration::ZERO).await, Ok(()));

    let reader = world.agent().await;
    let all = read_all(&reader, partition).await;
    assert!(all[..99].iter().all(|(_, value)| value == "before"));
    let rest = [(100, "value 0"), (101, ""), (105, "value 5"), (1_100, "value 1000"), (1_200, "after")];
    assert_eq!(all[99..], rest.map(|(offset, value)| (offset, value.to_owned())));
}
