//! Long polls are woken at once by what they wait for, and by nothing else.

use std::time::Duration;

use alluvium_model::Offset;
use tokio::time::Instant;

use super::world::{World, batch, plan, produce, records};
use crate::fetch::{FetchError, FetchPlan};

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn a_poll_is_woken_by_a_commit_of_another_agent() {
    let world = World::new().await;
    let writer = world.agent().await;
    let reader = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let started = Instant::now();
    let poll = reader.fetch.fetch(FetchPlan { max_wait: LONG, ..plan(&[(partition, 0)]) });
    let write = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        produce(&writer, partition, batch(&["news"])).await.expect("acknowledged");
    };
    let (fetched, ()) = tokio::join!(poll, write);
    assert_eq!(records(&fetched[0]), [(0, "news".into())]);
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(4), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_without_records_ends_after_max_wait() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partitions = world.topic("orders", 2).await;
    let started = Instant::now();
    let poll = agent.fetch.fetch(FetchPlan { max_wait: LONG, ..plan(&[(partitions[0], 0)]) });
    let write = produce(&agent, partitions[1], batch(&["elsewhere"]));
    let (fetched, written) = tokio::join!(poll, write);
    assert!(written.is_ok());
    assert_eq!((fetched[0].records.len(), fetched[0].high_watermark), (0, Offset(0)));
    assert!(started.elapsed() >= LONG);
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_min_bytes() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let value = "v".repeat(1_000);
    let poll = agent.fetch.fetch(FetchPlan { min_bytes: 2_500, max_wait: LONG, ..plan(&[(partition, 0)]) });
    let write = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            produce(&agent, partition, batch(&[&value])).await.expect("acknowledged");
        }
    };
    let started = Instant::now();
    let (fetched, ()) = tokio::join!(poll, write);
    assert_eq!(records(&fetched[0]).len(), 3);
    assert!(started.elapsed() < LONG);
}

#[tokio::test(start_paused = true)]
async fn a_poll_ends_when_its_topic_is_deleted() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let poll = agent.fetch.fetch(FetchPlan { max_wait: LONG, ..plan(&[(partition, 0)]) });
    let delete = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.metastore.topics.delete(partition.topic, world.clock.now(), Duration::ZERO).await.expect("it exists");
    };
    let started = Instant::now();
    let (fetched, ()) = tokio::join!(poll, delete);
    assert_eq!(fetched[0].error, Some(FetchError::UnknownPartition(partition)));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn no_wake_up_is_lost_whenever_the_commit_comes() {
    for delay_us in (0..3_000).step_by(97) {
        let world = World::new().await;
        let agent = world.agent().await;
        let partition = world.topic("orders", 1).await[0];
        let poll = agent.fetch.fetch(FetchPlan { max_wait: LONG, ..plan(&[(partition, 0)]) });
        let write = async {
            tokio::time::sleep(Duration::from_micros(delay_us)).await;
            produce(&agent, partition, batch(&["x"])).await.expect("acknowledged");
        };
        let started = Instant::now();
        let (fetched, ()) = tokio::join!(poll, write);
        assert_eq!(records(&fetched[0]).len(), 1);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
