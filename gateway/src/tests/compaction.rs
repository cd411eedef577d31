//! Fixture: a minimal compactor.

use std::ops::Range;
use std::time::Duration;

use alluvium_history::{HistoryCompression, HistoryRecord, HistoryWriter, TimestampType, WrittenPartition};
use alluvium_metastore::fixtures;
use alluvium_metastore::leases::LeaseKey;
use alluvium_metastore::log::{NewObject, PartitionSwap};
use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, Timestamp, TopicPartition, object_key};

use super::world::{START_MS, World};

/// Rewrites the first `extents` of a partition of the topic `orders` as one history file, in which the record at each
/// offset has the value `value(offset)`, and deletes the replaced objects at once. Returns the size of the file, bytes.
pub async fn compact(world: &World, partition: TopicPartition, extents: usize, value: impl Fn(i64) -> String) -> u64 {
    let inputs = world.metastore.log.find(partition, Offset(0), extents).await.expect("found");
    let end = inputs.last().expect("there are extents").offsets.end;
    let mut writer =
        HistoryWriter::new("orders", partition, Offset(0), HistoryCompression::default()).expect("a writer");
    push_all(&mut writer, Offset(0)..end, Timestamp(START_MS), value);
    let file = writer.finish(end).expect("a file");
    let object = ObjectId::new(world.clock.now(), 99, world.rng.next_u64());
    let key = object_key::history("orders", partition.topic, object);
    let bytes = file.bytes;
    world.objects.put(&key, file.parts).await.expect("put");
    let extent = Extent {
        offsets: Offset(0)..end,
        object,
        source: ExtentSource::History { level: 1, file_bytes: bytes },
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

/// Rewrites what is at level 0 of `partitions` of the topic `orders` as one history file that they share, in which the
/// record at each offset has the value `value(partition, offset)` and the time of its partition's number, and deletes
/// the replaced objects at once.
pub async fn compact_shared(world: &World, partitions: &[TopicPartition], value: impl Fn(i32, i64) -> String) {
    let (mut inputs, mut leases, mut writer) = (Vec::new(), Vec::new(), None);
    let mut end = Offset(0);
    for partition in partitions {
        let mut extents = world.metastore.log.find(*partition, Offset(0), 1_000).await.expect("found");
        extents.retain(|extent| extent.is_level_0());
        let start = extents.first().expect("there are extents").offsets.start;
        writer = match writer.take() {
            None => {
                Some(HistoryWriter::new("orders", *partition, start, HistoryCompression::default()).expect("a writer"))
            }
            Some(mut writer) => {
                HistoryWriter::next_partition(&mut writer, end, partition.partition, start).expect("they rise");
                Some(writer)
            }
        };
        end = extents.last().expect("there are extents").offsets.end;
        let number = partition.partition.0;
        let timestamp = Timestamp(START_MS + i64::from(number));
        push_all(writer.as_mut().expect("made above"), start..end, timestamp, |offset| value(number, offset));
        inputs.push(extents);
        leases.push(fixtures::lease(&world.metastore, LeaseKey::Partition(*partition)).await);
    }
    let file = writer.expect("there are partitions").finish(end).expect("a file");
    let object = ObjectId::new(world.clock.now(), 99, world.rng.next_u64());
    let key = object_key::history("orders", partitions[0].topic, object);
    world.objects.put(&key, file.parts).await.expect("put");
    let output = |part: &WrittenPartition| {
        let extent = Extent {
            offsets: part.identity.offsets.clone(),
            object,
            source: ExtentSource::History { level: 1, file_bytes: file.bytes },
            bytes: part.bytes,
            records: part.records,
            timestamps: part.timestamps,
        };
        [(extent, NewObject { key: key.clone(), bytes: file.bytes })]
    };
    let outputs: Vec<_> = file.partitions.iter().map(output).collect();
    let swaps: Vec<_> = (0..partitions.len())
        .map(|n| PartitionSwap {
            lease: &leases[n],
            partition: partitions[n],
            inputs: &inputs[n],
            outputs: &outputs[n],
        })
        .collect();
    let swapped = world.metastore.log.swap_together(&swaps, world.clock.now(), Duration::ZERO).await;
    assert_eq!(swapped, Ok(vec![Ok(()); partitions.len()]));
    let keys: Vec<String> = inputs.iter().flatten().map(|input| object_key::segment(input.object)).collect();
    world.objects.delete(&keys).await.expect("deleted");
}

fn push_all(writer: &mut HistoryWriter, offsets: Range<Offset>, timestamp: Timestamp, value: impl Fn(i64) -> String) {
    for offset in offsets.start.0..offsets.end.0 {
        writer
            .push(&HistoryRecord {
                offset: Offset(offset),
                timestamp,
                timestamp_type: TimestampType::CreateTime,
                key: None,
                value: Some(value(offset).into()),
                headers: Vec::new(),
            })
            .expect("records are in order");
    }
}
