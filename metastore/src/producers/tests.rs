use std::time::Duration;

use alluvium_model::{
    ProducerEpoch, ProducerId, Sequence, Timestamp,
    limits::PRODUCER_EXPIRY,
    log::{BatchRejection, CommitLimits, ProducerBatch},
};

use super::ProducerSweepStep;
use crate::{
    Metastore, fixtures,
    keyspace::{Key, Tag},
    kv::{self, KvFaults, Range},
    leases::{LeaseKey, MaintenanceRole},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// Appends one record of each of `producers`.
async fn append(metastore: &Metastore, producers: std::ops::Range<i64>, now: Timestamp) {
    let topic = match metastore.topics.by_name("topic").await.unwrap() {
        Some(topic) => topic,
        None => fixtures::topic(metastore, "topic", 1, now).await,
    };
    let partitions: Vec<_> = topic.all_partitions().collect();
    for id in producers {
        let mut segment = fixtures::segment(&partitions, u64::try_from(id).unwrap(), now);
        let producer =
            ProducerBatch { id: ProducerId(id), epoch: ProducerEpoch(0), first: Sequence(0), last: Sequence(0) };
        segment.runs[0].batches[0].producer = Some(producer);
        metastore.log.commit(&[segment], || now, &CommitLimits::default()).await.unwrap();
    }
}

async fn windows(metastore: &Metastore) -> usize {
    let count = |tx: kv::Tx| async move { Ok(tx.range(Range::prefix(Key::new(Tag::WINDOW).bytes())).await?.len()) };
    metastore.db.read::<_, kv::Error, _, _>("windows", count).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_producer_id_is_given_twice() {
    let faults = KvFaults { seed: 3, unknown_per_mille: 500, ..KvFaults::default() };
    let producers = fixtures::open(faults).await.producers;
    let mut end = ProducerId(0);
    for count in [1, 100, 7, 1] {
        let ids = producers.allocate(count, NOW).await.unwrap();
        assert!(ids.start >= end && ids.end.0 - ids.start.0 == i64::from(count));
        end = ids.end;
    }
}

#[tokio::test]
async fn the_sweep_clears_idle_producers_a_step_at_a_time_and_starts_again_at_the_end() {
    let metastore = fixtures::memory().await;
    append(&metastore, 0..4, NOW).await;
    let later = NOW.plus(PRODUCER_EXPIRY).plus(Duration::from_secs(1));
    append(&metastore, 4..7, later).await;
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Producers)).await;
    let step = async || metastore.producers.expire(&lease, later, PRODUCER_EXPIRY, 3).await.unwrap();
    assert_eq!(step().await, ProducerSweepStep { seen: 3, expired: 3, done: false });
    assert_eq!(step().await, ProducerSweepStep { seen: 3, expired: 1, done: false });
    assert_eq!(step().await, ProducerSweepStep { seen: 1, expired: 0, done: true });
    assert_eq!(windows(&metastore).await, 3);
    assert_eq!(step().await, ProducerSweepStep { seen: 3, expired: 0, done: false });
}

#[tokio::test]
async fn ids_carry_the_time_at_which_they_were_allocated() {
    let producers = fixtures::memory().await.producers;
    let second = NOW.plus_ms(1_000);
    let later = second.plus(Duration::from_secs(60));
    let first = producers.allocate(1_000, second).await.unwrap();
    assert_eq!(first.start, ProducerId::first_at(second));
    assert_eq!(first.start.allocated(), Some(second));
    // A clock that is behind takes no id again.
    assert_eq!(producers.allocate(7, NOW).await.unwrap().start, first.end);
    assert_eq!(producers.allocate(1, later).await.unwrap().start, ProducerId::first_at(later));
}

#[tokio::test]
async fn a_new_producer_begins_at_0_and_one_whose_window_may_have_expired_anywhere() {
    let metastore = fixtures::memory().await;
    let partitions: Vec<_> = fixtures::topic(&metastore, "topic", 1, NOW).await.all_partitions().collect();
    let id = metastore.producers.allocate(1, NOW).await.unwrap().start;
    let mut number = 0;
    let mut commit = async |first: i32, now: Timestamp| {
        number += 1;
        let mut segment = fixtures::segment(&partitions, number, now);
        let first = Sequence(first);
        segment.runs[0].batches[0].producer = Some(ProducerBatch { id, epoch: ProducerEpoch(0), first, last: first });
        let outcomes = metastore.log.commit(&[segment], || now, &CommitLimits::default()).await.unwrap();
        outcomes[0].runs[0].batches[0].map(|ack| ack.base.0)
    };
    let early = Err(BatchRejection::FirstBatchMissing { found: Sequence(1) });
    assert_eq!(commit(1, NOW).await, early);
    assert_eq!(commit(1, NOW.plus(PRODUCER_EXPIRY).plus_ms(-1_000)).await, early);
    assert_eq!(commit(0, NOW).await, Ok(0));
    assert_eq!(commit(1, NOW).await, Ok(1));
    let idle = NOW.plus(PRODUCER_EXPIRY).plus_ms(1);
    assert_eq!(commit(9, idle).await, Ok(2));
}
