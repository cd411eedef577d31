//! Several agents: what one commits, the others serve at once, at the tail without a metastore read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_metastore::leases::{LeaseKey, MaintenanceRole};
use alluvium_model::{Offset, TopicPartition};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use tokio::time::{Instant, sleep, timeout};

use super::world::{Process, TIMEOUT, World, batch, fetch, plan, produce, read_all, records, sequenced};
use crate::agent::Agent;
use crate::fetch::{FetchError, FetchPlan, OffsetSpec};
use crate::produce::ProduceError;
use crate::topic_creation::{create, create_automatically, new_topic};

const LONG: Duration = Duration::from_secs(60);
/// Time from a commit to the answer of a long poll at most. No timer is involved.
const WAKE_TIME_MAX: Duration = Duration::from_millis(20);

async fn latest(agent: &Agent, partition: TopicPartition) -> i64 {
    agent.fetch.list_offset(partition, OffsetSpec::Latest, false).await.expect("it is there").offset.0
}

/// Brings the metadata cache of an agent up to date.
async fn catch_up(process: &Process) {
    process.agent.metadata_cache.sync().await.expect("the metastore answers");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_on_one_agent_wakes_at_once_when_another_commits() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    for n in 0..10 {
        let poll = b.agent.fetch.fetch(FetchPlan { max_wait: LONG, ..plan(&[(partition, n)]) });
        let polled = async {
            let fetched = poll.await.remove(0);
            (records(&fetched), Instant::now())
        };
        let written = async {
            sleep(Duration::from_secs(1)).await;
            produce(&a.agent, partition, batch(&["news"])).await.expect("acknowledged");
            Instant::now()
        };
        let ((read, woken), acknowledged) = tokio::join!(polled, written);
        assert_eq!(read, [(n, "news".into())]);
        assert!(woken.saturating_duration_since(acknowledged) < WAKE_TIME_MAX);
    }
}

#[tokio::test(start_paused = true)]
async fn fetches_at_the_tail_of_what_another_agent_writes_read_no_metastore() {
    let world = World::new().await;
    let partitions = world.topic("orders", 3).await;
    let [a, b] = world.agents().await;
    for partition in &partitions {
        produce(&a.agent, *partition, batch(&["first"])).await.expect("acknowledged");
        assert_eq!(fetch(&b.agent, *partition, 0).await.error, None);
    }
    for n in 1..20 {
        for partition in &partitions {
            produce(&a.agent, *partition, batch(&["next"])).await.expect("acknowledged");
        }
        catch_up(&b).await;
        let transactions = || world.metastore.db.metrics().transactions.load(Ordering::Relaxed);
        let before = transactions();
        for partition in &partitions {
            assert_eq!(records(&fetch(&b.agent, *partition, n).await), [(n, "next".into())]);
            assert_eq!(fetch(&b.agent, *partition, n + 1).await.records.len(), 0);
        }
        assert_eq!(transactions(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_by_one_agent_is_the_latest_offset_at_any_other() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    assert_eq!(latest(&b.agent, partition).await, 0);
    // From here on its tail task does not run.
    b.pause();
    for n in 0..5 {
        produce(&a.agent, partition, batch(&["x"])).await.expect("acknowledged");
        assert_eq!(latest(&b.agent, partition).await, n + 1);
        assert_eq!(records(&fetch(&b.agent, partition, n).await), [(n, "x".into())]);
    }
}

#[tokio::test(start_paused = true)]
async fn records_deleted_by_one_agent_are_out_of_range_at_another() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    for value in ["a", "b", "c"] {
        produce(&a.agent, partition, batch(&[value])).await.expect("acknowledged");
    }
    assert_eq!(read_all(&b.agent, partition).await.len(), 3);
    let now = world.clock.now();
    world.metastore.log.trim(partition, Offset(2), now).await.expect("trimmed");
    let earliest = b.agent.fetch.list_offset(partition, OffsetSpec::Earliest, false).await.expect("it is there");
    assert_eq!(earliest.offset, Offset(2));
    let gone = fetch(&b.agent, partition, 0).await.error;
    assert_eq!(gone, Some(FetchError::OffsetOutOfRange { offset: Offset(0), start: Offset(2), next: Offset(3) }));
    assert_eq!(records(&fetch(&b.agent, partition, 2).await), [(2, "c".into())]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_was_paused_while_the_feed_was_trimmed_rebuilds_its_metadata_cache() {
    let world = World::new().await;
    let old = world.topic("old", 1).await[0];
    let [a, b] = world.agents().await;
    produce(&a.agent, old, batch(&["0"])).await.expect("acknowledged");
    assert_eq!(read_all(&b.agent, old).await.len(), 1);
    b.pause();
    world.metastore.topics.delete(old.topic, world.clock.now(), Duration::ZERO).await.expect("it exists");
    let new = world.topic("new", 1).await[0];
    produce(&a.agent, new, batch(&["0", "1"])).await.expect("acknowledged");
    let late = world.clock.now().plus(Duration::from_secs(30 * 24 * 3_600));
    let lease = alluvium_metastore::fixtures::lease(&world.metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    let trimmed = world.metastore.feed.trim(&lease, late, Duration::from_secs(3_600), 1_000).await.expect("trimmed");
    assert!(trimmed > 0);
    b.resume();
    let reset = async {
        while b.agent.metadata_cache.resets() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, reset).await.expect("it notices");
    catch_up(&b).await;
    let topics = b.agent.metadata_cache.topics();
    assert_eq!(topics.iter().map(|topic| topic.topic.name.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(read_all(&b.agent, new).await.len(), 2);
    produce(&a.agent, new, batch(&["2"])).await.expect("acknowledged");
    assert_eq!(records(&fetch(&b.agent, new, 2).await), [(2, "2".into())]);
}

#[tokio::test(start_paused = true)]
async fn two_agents_that_create_a_topic_at_once_create_it_once_and_both_serve_it() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    let make = |process: &Process| {
        let agent = process.agent.clone();
        async move { create(&agent, new_topic(&agent, "orders", (2, 1), Default::default())).await }
    };
    let (one, other) = tokio::join!(make(&a), make(&b));
    assert_eq!([&one, &other].map(|made| made.is_ok()).iter().filter(|is_ok| **is_ok).count(), 1);
    let (one, other) = tokio::join!(create_automatically(&a.agent, "events"), create_automatically(&b.agent, "events"));
    let ids = [one, other].map(|made| made.expect("the topic exists").topic.id);
    assert_eq!(ids[0], ids[1]);
    for process in [&a, &b] {
        let topic = process.agent.metadata_cache.topic_by_id(ids[0]).expect("it is served");
        let partition = topic.partition(0).expect("it has one");
        produce(&process.agent, partition, batch(&["x"])).await.expect("acknowledged");
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_continues_its_sequence_at_another_agent() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    produce(&a.agent, partition, sequenced(5, 0, &["a"])).await.expect("acknowledged");
    produce(&b.agent, partition, sequenced(5, 1, &["b"])).await.expect("acknowledged");
    let again = produce(&a.agent, partition, sequenced(5, 1, &["b"])).await.expect("a duplicate is a success");
    assert!(again.duplicate);
    assert!(produce(&a.agent, partition, sequenced(5, 3, &["d"])).await.is_err(), "c is missing");
    produce(&a.agent, partition, sequenced(5, 2, &["c"])).await.expect("acknowledged");
    let values: Vec<String> = read_all(&b.agent, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_that_was_sent_again_to_another_agent_does_not_block_later_ones() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable));
    assert!(produce(&a.agent, partition, sequenced(5, 0, &["a"])).await.is_err());
    world.faults.heal();
    // Until the first batch is sent again, later ones are rejected.
    let early = produce(&a.agent, partition, sequenced(5, 1, &["b"])).await;
    assert_eq!(early.expect_err("a is missing"), ProduceError::Gap);
    produce(&b.agent, partition, sequenced(5, 0, &["a"])).await.expect("acknowledged");
    // The producer comes back and retries.
    let next = async {
        while produce(&a.agent, partition, sequenced(5, 1, &["b"])).await == Err(ProduceError::Gap) {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(1), next).await.expect("it is accepted soon");
    let values: Vec<String> = read_all(&b.agent, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn many_agents_that_write_to_one_partition_neither_lose_nor_duplicate_records() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agents = world.agents::<5>().await;
    let writers = agents.iter().enumerate().map(|(writer, process)| async move {
        let mut acknowledged = Vec::new();
        for n in 0..20 {
            let value = format!("{writer}-{n:02}");
            let ack = produce(&process.agent, partition, batch(&[&value])).await.expect("acknowledged");
            acknowledged.push((ack.base_offset.0, value));
        }
        acknowledged
    });
    let mut acknowledged = futures::future::join_all(writers).await.concat();
    acknowledged.sort();
    for process in &agents {
        assert_eq!(read_all(&process.agent, partition).await, acknowledged);
    }
}
