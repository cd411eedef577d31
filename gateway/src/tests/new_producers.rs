//! New idempotent producers: many at once, and the first batches of one at several agents.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_model::log::BatchRejection;
use alluvium_model::{ProducerId, Sequence};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::world::{TIMEOUT, World, append, batch, produce, read_all, sequenced};
use crate::produce::ProduceError;

#[tokio::test(start_paused = true)]
async fn ten_thousand_producers_that_start_at_once_all_get_an_id() {
    let faults = KvFaults { latency_max: Duration::from_millis(10), ..KvFaults::none() };
    let world = World::with_metastore_faults(faults).await;
    let [a, b] = world.agents().await;
    let transactions = || world.metastore.db.metrics().transactions.load(Ordering::Relaxed);
    let (before, started) = (transactions(), Instant::now());
    let id = |number: usize| if number.is_multiple_of(2) { &a.agent } else { &b.agent }.producer_ids.next();
    let ids: BTreeSet<ProducerId> =
        join_all((0..10_000).map(id)).await.into_iter().map(|id| id.expect("each gets one")).collect();
    assert_eq!(ids.len(), 10_000);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(transactions() - before < 100, "ten blocks, and heartbeats");
}

#[tokio::test(start_paused = true)]
async fn a_refill_that_fails_fails_once_for_all_who_wait_and_the_next_one_succeeds() {
    let world = World::new().await;
    let agent = world.agent().await;
    world.metastore_faults().cut(true);
    let started = Instant::now();
    let results = join_all((0..100).map(|_| agent.producer_ids.next())).await;
    assert!(results.iter().all(Result::is_err));
    assert!(started.elapsed() < TIMEOUT, "one timeout, not a hundred: {:?}", started.elapsed());
    world.metastore_faults().cut(false);
    agent.producer_ids.next().await.expect("the metastore answers");
}

#[tokio::test(start_paused = true)]
async fn the_second_batch_of_a_new_producer_waits_for_the_first_at_another_agent() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    let id = a.agent.producer_ids.next().await.expect("the metastore answers").0;
    // The first batch hangs in its upload, while the producer is told that another agent leads the partition.
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(2))).times(1));
    let first = append(&a.agent, partition, sequenced(id, 0, &["a"])).await;
    sleep(Duration::from_millis(500)).await;
    let early = produce(&b.agent, partition, sequenced(id, 1, &["b"])).await.expect_err("a is missing");
    assert_eq!(early, ProduceError::Rejected(BatchRejection::FirstBatchMissing { found: Sequence(1) }));
    assert!(early.is_retryable());
    let second = async {
        while let Err(error) = produce(&b.agent, partition, sequenced(id, 1, &["b"])).await {
            assert!(error.is_retryable(), "{error}");
            sleep(Duration::from_millis(100)).await;
        }
    };
    let (first, ()) = tokio::join!(first, async { timeout(TIMEOUT, second).await.expect("it is accepted soon") });
    first[0].as_ref().expect("the first batch is not refused");
    let values: Vec<String> = read_all(&b.agent, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_producer_of_which_nothing_is_known_may_begin_anywhere_as_in_kafka() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent().await;
    let old = ProducerId::first_at(world.clock.now().minus(Duration::from_secs(25 * 3_600))).0;
    for (number, id) in [0, 4_000, old].into_iter().enumerate() {
        let ack = produce(&agent, partition, sequenced(id, 5, &["x"])).await.expect("its window may have expired");
        assert_eq!(ack.base_offset.0, i64::try_from(number).expect("few"));
    }
    produce(&agent, partition, batch(&["x"])).await.expect("no producer id, no sequence");
}
