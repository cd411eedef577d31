//! History files that hold several partitions: each is read as if it had a file of its own.

use std::sync::Arc;

use alluvium_model::{Offset, Timestamp, TopicPartition};

use crate::agent::Agent;
use crate::fetch::{FetchError, FoundOffset, OffsetSpec};
use crate::tests::compaction::compact_shared;
use crate::tests::world::{START_MS, World, batch, fetch, plan, produce, read_all, records};

const PARTITIONS: i32 = 20;
const RECORDS: i64 = 3;

fn value(partition: i32, offset: i64) -> String {
    format!("record {offset} of {partition}")
}

fn expected(partition: TopicPartition) -> Vec<(i64, String)> {
    (0..RECORDS).map(|offset| (offset, value(partition.partition.0, offset))).collect()
}

/// Partitions with the same offsets in one file, and an agent that has nothing of them in memory.
async fn shared(world: &World) -> (Arc<Agent>, Vec<TopicPartition>) {
    let writer = world.agent().await;
    let partitions = world.topic("orders", PARTITIONS).await;
    for partition in &partitions {
        produce(&writer, *partition, batch(&["x"; RECORDS as usize])).await.expect("acknowledged");
    }
    compact_shared(world, &partitions, value).await;
    (world.agent().await, partitions)
}

#[tokio::test(start_paused = true)]
async fn each_partition_reads_its_own_records_and_the_file_is_loaded_once_for_all() {
    let world = World::new().await;
    let (agent, partitions) = shared(&world).await;
    let before = world.objects.usage().totals().gets;
    // The second time everything is cached: the offsets are the same in all partitions, the records are not.
    for _ in 0..2 {
        for partition in &partitions {
            assert_eq!(read_all(&agent, *partition).await, expected(*partition));
        }
    }
    assert_eq!(world.objects.usage().totals().gets - before, 1);
    assert_eq!(agent.metrics.history_decodes.get(), PARTITIONS as u64);

    let (agent, requested) = (world.agent().await, partitions.iter().map(|partition| (*partition, 1)));
    for fetched in agent.fetch.fetch(plan(&requested.collect::<Vec<_>>())).await.iter() {
        assert_eq!(records(fetched), expected(fetched.partition));
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_goes_on_after_the_shared_file_is_read_across_its_end() {
    let world = World::new().await;
    let (agent, partitions) = shared(&world).await;
    produce(&agent, partitions[7], batch(&["newer"])).await.expect("acknowledged");
    let newer = [(RECORDS, "newer".to_owned())];
    assert_eq!(read_all(&agent, partitions[7]).await, [expected(partitions[7]), newer.to_vec()].concat());
    assert_eq!(records(&fetch(&agent, partitions[8], 2).await), expected(partitions[8]));
}

#[tokio::test(start_paused = true)]
async fn offsets_are_found_by_time_in_the_partition_that_is_asked_for() {
    let world = World::new().await;
    let (agent, partitions) = shared(&world).await;
    for partition in partitions {
        let of_partition = START_MS + i64::from(partition.partition.0);
        let list = |spec| agent.fetch.list_offset(partition, spec, false);
        let first = Ok(FoundOffset { offset: Offset(0), timestamp: Timestamp(of_partition) });
        assert_eq!(list(OffsetSpec::Timestamp(Timestamp(of_partition))).await, first);
        assert_eq!(list(OffsetSpec::Timestamp(Timestamp(of_partition + 1))).await, Ok(FoundOffset::NONE));
        assert_eq!(list(OffsetSpec::MaxTimestamp).await, first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_without_the_partition_or_the_offsets_that_an_extent_claims_is_corrupt() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partitions = world.topic("orders", PARTITIONS).await;
    for partition in &partitions {
        produce(&writer, *partition, batch(&["x"; RECORDS as usize])).await.expect("acknowledged");
    }
    compact_shared(&world, &partitions[..2], value).await;
    let extent = world.metastore.log.find(partitions[0], Offset(0), 1).await.expect("found").remove(0);
    let loader = &world.agent().await.fetch.shared.loader;
    for _ in 0..2 {
        let error = loader.open_history(partitions[2], &extent).await.map(|_| ()).expect_err("not in the file");
        let error = error.in_partition(partitions[2]);
        assert!(matches!(&error, FetchError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("1 partitions more, not offsets 0 to 3"), "{error}");
        let mut longer = extent.clone();
        longer.offsets.end = Offset(RECORDS + 1);
        assert!(loader.open_history(partitions[0], &longer).await.is_err());
        assert!(loader.open_history(partitions[0], &extent).await.is_ok());
        assert!(loader.open_history(partitions[1], &extent).await.is_ok());
    }
}
