//! History files of format version 1, which nothing writes any more, are read.

use std::collections::BTreeMap;

use alluvium_history::golden_v1::{self, PARTITION};
use alluvium_metastore::fixtures;
use alluvium_metastore::topics::NewTopic;
use alluvium_model::{ObjectId, Offset, object_key};

use crate::tests::world::{World, batch, produce, read_all};

#[tokio::test(start_paused = true)]
async fn a_file_of_version_1_is_read_between_segments() {
    let world = World::new().await;
    let (id, name, configs) = (PARTITION.topic, golden_v1::TOPIC.to_owned(), BTreeMap::new());
    let topic = NewTopic { id, name, partitions: 4, replication_factor: 1, configs };
    world.metastore.topics.create(topic, world.clock.now()).await.expect("the topic is new");
    let writer = world.agent().await;
    for values in [vec!["before"; 99], vec!["x"; 1_101], vec!["after"]] {
        produce(&writer, PARTITION, batch(&values)).await.expect("acknowledged");
    }
    let inputs = world.metastore.log.find(PARTITION, Offset(99), 1).await.expect("found");
    let extent = golden_v1::extent(ObjectId::new(world.clock.now(), 99, 1));
    let key = object_key::of_extent(golden_v1::TOPIC, PARTITION, &extent);
    assert!(key.contains("/partition=3/00000000000000000099-"), "{key}");
    world.objects.put(&key, vec![golden_v1::FILE.into()]).await.expect("put");
    fixtures::replace(&world.metastore, PARTITION, &inputs, (extent, key), world.clock.now()).await;

    let reader = world.agent().await;
    let all = read_all(&reader, PARTITION).await;
    assert!(all[..99].iter().all(|(_, value)| value == "before"));
    let rest = [(100, "value 0"), (101, ""), (105, "value 5"), (1_100, "value 1000"), (1_200, "after")];
    assert_eq!(all[99..], rest.map(|(offset, value)| (offset, value.to_owned())));
}
