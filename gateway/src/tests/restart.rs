//! An agent holds nothing that a new one needs.

use std::time::Duration;

use alluvium_history::{HistoryRecord, HistoryWriter, TimestampType};
use alluvium_metastore::log::NewObject;
use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, Timestamp, TopicPartition, object_key};

use super::world::{BEGINNING, World, batch, fetch, produce, read_all, records};

#[tokio::test(start_paused = true)]
async fn a_new_agent_reads_everything_at_the_same_offsets() {
    let world = World::new().await;
    let old = world.agent().await;
    let partitions = world.topic("orders", 3).await;
    for n in 0..30 {
        produce(&old, partitions[n % 3], batch(&[&format!("value {n}"), "and more"])).await.expect("acknowledged");
    }
    // Not drained: as if it had been killed.
    let new = world.agent().await;
    for partition in &partitions {
        let read = read_all(&new, *partition).await;
        assert_eq!(read.len(), 20);
        assert_eq!(read, read_all(&old, *partition).await);
    }
    let ack = produce(&new, partitions[0], batch(&["next"])).await.expect("acknowledged");
    assert_eq!(ack.base_offset, Offset(20));
}

#[tokio::test(start_paused = true)]
async fn readers_go_on_at_the_same_offsets_when_segments_become_history() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for n in 0..10 {
        produce(&agent, partition, batch(&[&format!("value {n}")])).await.expect("acknowledged");
    }
    let before = read_all(&agent, partition).await;
    let old = world.agent().await;
    assert_eq!(read_all(&old, partition).await, before);
    compact(&world, partition).await;
    for reader in [&agent, &old, &world.agent().await] {
        assert_eq!(read_all(reader, partition).await, before);
        // From the middle as well, and where the history ends and segments go on.
        assert_eq!(records(&fetch(reader, partition, 5).await).last(), before.last());
    }
    produce(&agent, partition, batch(&["after"])).await.expect("acknowledged");
    assert_eq!(read_all(&agent, partition).await.len(), 11);
    assert_eq!(records(&fetch(&old, partition, 10).await), [(10, "after".into())]);
}

/// Rewrites the first eight extents as one history file, and deletes their objects at once.
async fn compact(world: &World, partition: TopicPartition) {
    let inputs = world.metastore.log.find(partition, Offset(0), 8).await.expect("found");
    let end = inputs.last().expect("there are extents").offsets.end;
    let mut writer = HistoryWriter::new("orders", partition, Offset(0)).expect("a writer");
    for offset in 0..end.0 {
        writer
            .push(&HistoryRecord {
                offset: Offset(offset),
                timestamp: Timestamp(BEGINNING),
                timestamp_type: TimestampType::CreateTime,
                key: None,
                value: Some(format!("value {offset}").into()),
                headers: Vec::new(),
            })
            .expect("records are in order");
    }
    let file = writer.finish(end).expect("a file");
    let object = ObjectId::new(world.clock.now(), 99, world.entropy.next_u64());
    let key = object_key::history("orders", partition, Offset(0), object);
    let bytes = file.bytes;
    world.objects.put(&key, file.parts).await.expect("put");
    let extent = Extent {
        offsets: Offset(0)..end,
        object,
        source: ExtentSource::History { level: 1 },
        bytes,
        records: u64::try_from(end.0).expect("positive"),
        timestamps: (Timestamp(BEGINNING), Timestamp(BEGINNING)),
    };
    let output = (extent, NewObject { key, bytes });
    let swapped = world.metastore.log.swap(partition, &inputs, &[output], world.clock.now(), Duration::ZERO).await;
    assert_eq!(swapped, Ok(()));
    let keys: Vec<String> = inputs.iter().map(|input| object_key::segment(input.object)).collect();
    world.objects.delete(&keys).await.expect("deleted");
}
