//! Fixture: a minimal compactor.

use std::time::Duration;

use alluvium_history::{HistoryRecord, HistoryWriter, TimestampType};
use alluvium_metastore::fixtures;
use alluvium_metastore::leases::LeaseKey;
use alluvium_metastore::log::NewObject;
use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, Timestamp, TopicPartition, object_key};

use super::world::{START_MS, World};

/// Rewrites the first `extents` of a partition of the topic `orders` as one history file, in which the record at each
/// offset has the value `value(offset)`, and deletes the replaced objects at once. Returns the size of the file, bytes.
pub async fn compact(world: &World, partition: TopicPartition, extents: usize, value: impl Fn(i64) -> String) -> u64 {
    let inputs = world.metastore.log.find(partition, Offset(0), extents).await.expect("found");
    let end = inputs.last().expect("there are extents").offsets.end;
    let mut writer = HistoryWriter::new("orders", partition, Offset(0)).expect("a writer");
    for offset in 0..end.0 {
        writer
            .push(&HistoryRecord {
                offset: Offset(offset),
                timestamp: Timestamp(START_MS),
                timestamp_type: TimestampType::CreateTime,
                key: None,
                value: Some(value(offset).into()),
                headers: Vec::new(),
            })
            .expect("records are in order");
    }
    let file = writer.finish(end).expect("a file");
    let object = ObjectId::new(world.clock.now(), 99, world.rng.next_u64());
    let key = object_key::history("orders", partition, Offset(0), object);
    let bytes = file.bytes;
    world.objects.put(&key, file.parts).await.expect("put");
    let extent = Extent {
        offsets: Offset(0)..end,
        object,
        source: ExtentSource::History { level: 1 },
        bytes,
        records: u64::try_from(end.0).expect("positive"),
        timestamps: (Timestamp(START_MS), Timestamp(START_MS)),
    };
    let output = (extent, NewObject { key, bytes });
    let lease = fixtures::lease(&world.metastore, LeaseKey::Partition(partition)).await;
    let swapped =
        world.metastore.log.swap(&lease, partition, &inputs, &[output], world.clock.now(), Duration::ZERO).await;
    assert_eq!(swapped, Ok(()));
    let keys: Vec<String> = inputs.iter().map(|input| object_key::segment(input.object)).collect();
    world.objects.delete(&keys).await.expect("deleted");
    bytes
}
