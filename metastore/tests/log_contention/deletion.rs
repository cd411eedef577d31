//! Commits, swaps and trims that race with the deletion of their topic.

use std::{sync::Arc, time::Duration};

use alluvium_metastore::{
    Metastore, fixtures,
    kv::{Db, Error, KvFaults, MemoryEngine, Range},
    leases::{LeaseKey, MaintenanceRole},
};
use alluvium_model::{Offset, Timestamp, TopicPartition, log::CommitLimits};
use alluvium_runtime::SeededRng;

use crate::work::{fill, number, output};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const GRACE: Duration = Duration::from_secs(600);
/// Extents of each partition before the race; the compactor swaps ten at a time.
const EXTENTS: u64 = 200;

/// Another process on the rows of `engine`.
async fn process(engine: &MemoryEngine, faults: KvFaults, seed: u64) -> Metastore {
    let rng = Arc::new(SeededRng::new(seed));
    let db = Db::new(Arc::new(engine.for_other_process(faults)), rng.clone());
    Metastore::open(db, &*rng).await.expect("the store opens")
}

/// Deletes a topic while others write to it, purges it, and checks that no row of it is left.
pub async fn race(engine: &MemoryEngine, seed: u64) {
    let faults = |n| KvFaults { seed: seed * 10 + n, latency_max: Duration::from_millis(5), ..KvFaults::none() };
    let metastore = process(engine, faults(1), seed).await;
    let topic = fixtures::topic(&metastore, "t", 2, NOW).await;
    let partitions: Vec<_> = topic.all_partitions().collect();
    fill(&metastore, &partitions, EXTENTS).await;
    let writers = [
        tokio::spawn(commit(process(engine, faults(2), seed + 1).await, partitions.clone())),
        tokio::spawn(swap(process(engine, faults(3), seed + 2).await, partitions[0])),
        tokio::spawn(swap(process(engine, faults(4), seed + 3).await, partitions[1])),
        tokio::spawn(trim(process(engine, faults(5), seed + 4).await, partitions[0])),
        tokio::spawn(trim(process(engine, faults(6), seed + 5).await, partitions[1])),
    ];
    tokio::time::sleep(Duration::from_millis(20 + seed * 5)).await;
    metastore.topics.delete(topic.id, NOW, GRACE).await.expect("it exists");
    let mut done = 0;
    for writer in writers {
        done += writer.await.unwrap_or_else(|panicked| panic!("seed {seed}: {panicked}"));
    }
    assert!(done > 0, "seed {seed}: the deletion came before everything else");
    let role = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Topics)).await;
    while !metastore.topics.purge(&role, topic.id, 50, NOW).await.expect("a topic purges") {}
    let role = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    while !metastore.objects.retire_released(&role, NOW, GRACE).await.expect("a step runs").done {}
    check(&metastore, seed).await;
}

/// All objects are retired, and no row of the log is left.
async fn check(metastore: &Metastore, seed: u64) {
    let rows = |from: u8, to: u8| {
        metastore.db.read("rows", move |tx| async move { tx.range(Range::new(vec![from], vec![to])).await })
    };
    for (what, from, to) in [("heads and extents", 0x20, 0x22), ("log starts and sizes", 0x26, 0x28)] {
        let left: Result<_, Error> = rows(from, to).await;
        assert_eq!(left, Ok(vec![]), "seed {seed}: {what}");
    }
    let objects = rows(0x30, 0x31).await.expect("rows read").len();
    let retired = rows(0x31, 0x32).await.expect("rows read").len();
    assert_eq!(objects, retired, "seed {seed}: objects that nothing refers to are retired, and each once");
    assert_eq!(rows(0x32, 0x34).await, Ok(vec![]), "seed {seed}: counters and queue are empty");
}

/// Each writes until its partition is gone, and returns how often it wrote.
async fn commit(metastore: Metastore, partitions: Vec<TopicPartition>) -> u64 {
    for done in 0.. {
        let segment = fixtures::segment(&partitions, number(), NOW);
        let outcomes = metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.expect("it commits");
        if outcomes[0].runs[0].batches[0].is_err() {
            return done;
        }
    }
    unreachable!("the topic is deleted")
}

async fn swap(metastore: Metastore, partition: TopicPartition) -> u64 {
    let lease = fixtures::lease(&metastore, LeaseKey::Partition(partition)).await;
    let mut done = 0;
    while metastore.log.head(partition).await.expect("it reads").is_some() {
        let inputs = metastore.log.find(partition, Offset(0), 10).await.expect("extents read");
        if !inputs.is_empty() {
            let outputs = [output(partition, &inputs)];
            done += u64::from(metastore.log.swap(&lease, partition, &inputs, &outputs, NOW, GRACE).await.is_ok());
        }
    }
    done
}

async fn trim(metastore: Metastore, partition: TopicPartition) -> u64 {
    for done in 0.. {
        if metastore.log.trim(partition, Offset(done * 3), NOW).await.is_err() {
            return done.cast_unsigned();
        }
    }
    unreachable!("the topic is deleted")
}
