//! A consumer that is half a minute behind: what it reads and holds follows what it is answered.

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::{TopicPartition, limits};
use futures::future::join_all;

use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::fetch::tests::write_segments;
use crate::tests::world::{World, append, batch, fetch, plan, records};

const PARTITIONS: i32 = 40;
const SEGMENTS: u64 = 30;
const VALUE_BYTES: usize = 19_000;

/// Writes [`SEGMENTS`] segments, each with a batch for every partition. Returns an agent that was told of all of them
/// by the feed and has none of them in memory.
async fn announced_segments(world: &World) -> (Arc<Agent>, Vec<TopicPartition>) {
    let (writer, reader) = (world.agent().await, world.agent().await);
    let partitions = world.topic("orders", PARTITIONS).await;
    write_segments(world, &writer, &partitions, SEGMENTS, VALUE_BYTES).await;
    reader.metadata_cache.sync().await.expect("the metastore answers");
    (reader, partitions)
}

#[tokio::test(start_paused = true)]
async fn a_consumer_half_a_minute_behind_reads_at_most_twice_what_it_is_answered_and_one_block() {
    let world = World::new().await;
    let (agent, partitions) = announced_segments(&world).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let before = world.objects.usage().totals();
    let fetched = fetch(&agent, partitions[7], 0).await;
    assert_eq!(records(&fetched).len() as u64, SEGMENTS);
    let read = world.objects.usage().totals().get_bytes - before.get_bytes;
    let answered = fetched.bytes() as u64;
    assert!(read <= 2 * answered + limits::CACHE_BLOCK_BYTES, "{read} bytes read for {answered} answered");
    let loader = &agent.fetch.shared.loader;
    let held = loader.tail.live_bytes() + loader.cold.live_bytes() + answered;
    assert!(held <= 2 * answered + limits::CACHE_BLOCK_BYTES, "{held} bytes held for {answered} answered");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_for_an_answer_follows_the_answer_even_without_a_cache() {
    let world = World::new().await;
    let (writer, reader) =
        (world.agent().await, world.agent_with(AgentConfig { cache_bytes: 0, ..AgentConfig::default() }).await);
    let partition = world.topic("orders", 1).await[0];
    let value = "v".repeat(VALUE_BYTES);
    let mut outcomes = Vec::new();
    for _ in 0..SEGMENTS {
        outcomes.push(append(&writer, partition, batch(&[&value])).await);
    }
    assert!(join_all(outcomes).await.iter().flatten().all(Result::is_ok));
    reader.metadata_cache.sync().await.expect("the metastore answers");
    tokio::time::advance(Duration::from_secs(30)).await;
    // The last batch of a run of many.
    let last = i64::try_from(SEGMENTS).expect("few") - 1;
    let fetched = fetch(&reader, partition, last).await;
    assert_eq!(records(&fetched).iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [last]);
    let loader = &reader.fetch.shared.loader;
    assert_eq!((loader.tail.live_bytes(), loader.cold.live_bytes()), (0, 0), "the answer is a copy");
}

#[tokio::test(start_paused = true)]
async fn readers_at_the_tail_of_another_agents_segments_load_each_once_and_whole() {
    let world = World::new().await;
    let (agent, partitions) = announced_segments(&world).await;
    let value = "v".repeat(VALUE_BYTES);
    let writer = world.agent().await;
    let mut outcomes = Vec::new();
    for partition in &partitions {
        outcomes.push(append(&writer, *partition, batch(&[&value])).await);
    }
    assert!(join_all(outcomes).await.iter().flatten().all(Result::is_ok));
    agent.metadata_cache.sync().await.expect("the metastore answers");
    let before = world.objects.usage().totals();
    let next = i64::try_from(SEGMENTS).expect("few");
    let reads = partitions.iter().map(|partition| fetch(&agent, *partition, next));
    assert!(join_all(reads).await.iter().all(|fetched| records(fetched).len() == 1));
    assert_eq!(world.objects.usage().totals().gets - before.gets, 1);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_of_all_partitions_half_a_minute_behind_soon_shares_whole_segments() {
    let world = World::new().await;
    let (agent, partitions) = announced_segments(&world).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    let requested: Vec<_> = partitions.into_iter().map(|partition| (partition, 0)).collect();
    let before = world.objects.usage().totals();
    let mut answered = 0;
    let mut next: Vec<i64> = vec![0; requested.len()];
    while next.iter().any(|next| *next < i64::try_from(SEGMENTS).expect("few")) {
        let requested: Vec<_> = requested.iter().zip(&next).map(|((partition, _), next)| (*partition, *next)).collect();
        for (fetched, next) in agent.fetch.fetch(plan(&requested)).await.iter().zip(&mut next) {
            answered += fetched.bytes() as u64;
            *next += i64::try_from(records(fetched).len()).expect("few");
        }
    }
    let after = world.objects.usage().totals();
    let (gets, read) = (after.gets - before.gets, after.get_bytes - before.get_bytes);
    assert!(read <= 2 * answered + limits::CACHE_BLOCK_BYTES, "{read} bytes read for {answered} answered");
    assert!(gets <= 3 * SEGMENTS, "{gets} GETs of {SEGMENTS} segments");
}
