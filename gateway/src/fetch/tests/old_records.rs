//! Consumers that catch up: how many GETs they cost and how much memory they take.

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::{TopicPartition, limits};
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_objects::{Operation, UsageTotals};
use alluvium_runtime::Tasks;
use futures::FutureExt;
use futures::future::{pending, try_join_all};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::fetch::tests::write_segments;
use crate::fetch::{CacheBytes, FetchError, FetchPlan, LoadError};
use crate::memory::Share;
use crate::tests::compaction::compact;
use crate::tests::world::{World, batch, fetch, plan, produce, read_all, records};

const PARTITIONS: i32 = 100;
const ROUNDS: u64 = 4;
const VALUE_BYTES: usize = 2_000;

/// Writes [`ROUNDS`] segments, each with a batch for every partition. Returns an agent that has none of them in memory.
async fn old_segments(world: &World) -> (Arc<Agent>, Vec<TopicPartition>) {
    let writer = world.agent().await;
    let partitions = world.topic("orders", PARTITIONS).await;
    write_segments(world, &writer, &partitions, ROUNDS, VALUE_BYTES).await;
    (world.agent().await, partitions)
}

fn since(world: &World, before: &UsageTotals) -> (u64, u64) {
    let now = world.objects.usage().totals();
    (now.gets - before.gets, now.get_bytes - before.get_bytes)
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_one_old_partition_of_a_hundred_loads_only_the_bytes_of_that_partition() {
    let world = World::new().await;
    let (agent, partitions) = old_segments(&world).await;
    let before = world.objects.usage().totals();
    assert_eq!(read_all(&agent, partitions[42]).await.len() as u64, ROUNDS);
    let (gets, bytes) = since(&world, &before);
    assert_eq!(gets, ROUNDS);
    assert!(bytes < 2 * ROUNDS * VALUE_BYTES as u64, "{bytes} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_all_old_partitions_gets_each_object_once() {
    for cache_bytes in [256 << 20, 0] {
        let world = World::new().await;
        let (_, partitions) = old_segments(&world).await;
        let agent = world.agent_with(AgentConfig { cache_bytes, ..AgentConfig::default() }).await;
        let requested: Vec<_> = partitions.into_iter().map(|partition| (partition, 0)).collect();
        let before = world.objects.usage().totals();
        let fetched = agent.fetch.fetch(plan(&requested)).await;
        let read: usize = fetched.iter().map(|partition| partition.bytes()).sum();
        assert!(read > ROUNDS as usize * PARTITIONS as usize * VALUE_BYTES);
        assert_eq!(since(&world, &before).0, ROUNDS, "with a cache of {cache_bytes} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn readers_of_different_partitions_soon_share_whole_segments() {
    let world = World::new().await;
    let (agent, partitions) = old_segments(&world).await;
    let before = world.objects.usage().totals();
    for partition in &partitions {
        assert_eq!(read_all(&agent, *partition).await.len() as u64, ROUNDS);
    }
    let (gets, _) = since(&world, &before);
    assert!(gets <= 3 * ROUNDS, "{gets} GETs of {ROUNDS} segments");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_of_many_slow_old_segments_is_answered_with_those_loaded_in_time() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for _ in 0..20 {
        produce(&writer, partition, batch(&["v"])).await.expect("acknowledged");
    }
    world.faults.inject(FaultRule::on(Operation::Get, Fault::Delay(Duration::from_secs(1))));
    let agent = world.agent().await;
    let started = Instant::now();
    let fetched = fetch(&agent, partition, 0).await;
    assert_eq!((started.elapsed(), records(&fetched).len()), (Duration::from_secs(5), 5));
    assert_eq!(read_all(&agent, partition).await.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_of_many_partitions_with_slow_segments_is_answered_with_those_loaded_in_time() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partitions = world.topic("orders", PARTITIONS).await;
    for partition in &partitions {
        produce(&writer, *partition, batch(&["v"])).await.expect("acknowledged");
    }
    world.faults.inject(FaultRule::on(Operation::Get, Fault::Delay(Duration::from_secs(1))));
    let agent = world.agent().await;
    let requested: Vec<_> = partitions.into_iter().map(|partition| (partition, 0)).collect();
    let started = Instant::now();
    let fetched = agent.fetch.fetch(plan(&requested)).await;
    assert!(started.elapsed() <= Duration::from_secs(6), "{:?}", started.elapsed());
    let read = fetched.iter().filter(|partition| partition.bytes() > 0).count();
    assert!(read > 0 && read < fetched.len() && fetched.iter().all(|partition| partition.error.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_whose_records_are_never_loaded_fails() {
    let world = World::new().await;
    let (partition, _) = history(&world).await;
    let agent = world.agent().await;
    let located = agent.fetch.locate(&plan(&[(partition, 0)])).await.remove(0);
    let object = located.extents.expect("extents").extents[0].object;
    let mut hanging = Box::pin(agent.fetch.shared.loader.history.file(object, pending::<Result<_, LoadError>>()));
    assert!(hanging.as_mut().now_or_never().is_none());
    let started = Instant::now();
    let fetched = timeout(Duration::from_secs(60), fetch(&agent, partition, 0)).await.expect("an answer");
    assert!(matches!(fetched.error, Some(FetchError::Storage(_))), "{:?}", fetched.error);
    assert!(started.elapsed() >= Duration::from_secs(25));
    drop(hanging);
    assert_eq!(fetch(&agent, partition, 0).await.error, None);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_gets_no_memory_is_answered_without_records_and_counted() {
    let world = World::new().await;
    let (agent, partitions) = old_segments(&world).await;
    let held = agent.memory.charge(Share::CatchUp, agent.config.answer_bytes_max);
    let fetched = fetch(&agent, partitions[0], 0).await;
    assert_eq!((fetched.error.as_ref(), records(&fetched).len()), (None, 0));
    assert_eq!(agent.metrics.fetches_without_memory.get(), 1);
    drop(held);
    assert_eq!(read_all(&agent, partitions[0]).await.len() as u64, ROUNDS);
    assert_eq!(agent.metrics.fetches_without_memory.get(), 1);
}

const HISTORY_RECORDS: i64 = 2_000;
const RECORD_BYTES: usize = 6_000;
const READERS: i64 = 50;

/// On one thread and in virtual time, because how much readers share of what the cache does not hold depends on who
/// comes when: here the order is the same in every run, and readers meet while they wait for the store.
#[tokio::test(start_paused = true)]
async fn fifty_readers_of_one_history_share_what_is_loaded_and_decoded_in_bounded_memory() {
    let world = World::new().await;
    let (partition, file_bytes) = history(&world).await;
    // No room for a whole block, and for one decoded piece.
    let cache_bytes = 18 << 20;
    let agent = world.agent_with(AgentConfig { cache_bytes, ..AgentConfig::default() }).await;
    world.faults.inject(FaultRule::on(Operation::Get, Fault::Delay(Duration::from_millis(20))));
    let before = world.objects.usage().totals();
    read_all_at_once(&agent, partition, cache_bytes, READERS).await;
    let (_, bytes) = since(&world, &before);
    let pieces = (HISTORY_RECORDS as u64 * RECORD_BYTES as u64).div_ceil(2 << 20);
    // Without sharing each reader would decode each piece, and load a block for it.
    let alone = READERS as u64 * pieces;
    let decodes = agent.metrics.history_decodes.get();
    assert!(decodes <= alone / 4, "{decodes} decodes of {pieces} pieces");
    assert!(bytes <= alone * limits::CACHE_BLOCK_BYTES / 4, "{bytes} bytes of a file of {file_bytes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_readers_on_several_threads_take_bounded_memory_and_load_and_decode_once_what_the_cache_holds() {
    let world = World::new().await;
    let (partition, _) = history(&world).await;
    let small = 32 << 20;
    let agent = world.agent_with(AgentConfig { cache_bytes: small, ..AgentConfig::default() }).await;
    read_all_at_once(&agent, partition, small, READERS).await;
    // Eight times as much holds all that is decoded and all blocks.
    let large = 256 << 20;
    let mut costs = Vec::new();
    for readers in [1, READERS] {
        let agent = world.agent_with(AgentConfig { cache_bytes: large, ..AgentConfig::default() }).await;
        let before = world.objects.usage().totals();
        read_all_at_once(&agent, partition, large, readers).await;
        costs.push((since(&world, &before), agent.metrics.history_decodes.get()));
    }
    assert_eq!(costs[0], costs[1], "GETs, their bytes, and decodes: of one reader, and of fifty");
}

/// A history file of [`HISTORY_RECORDS`] that do not compress: its partition, and its bytes.
async fn history(world: &World) -> (TopicPartition, u64) {
    let partition = world.topic("orders", 1).await[0];
    let writer = world.agent().await;
    produce(&writer, partition, batch(&["x"; HISTORY_RECORDS as usize])).await.expect("acknowledged");
    let file_bytes = compact(world, partition, 1, |_| incompressible(world, RECORD_BYTES)).await;
    (partition, file_bytes)
}

/// `readers` read everything at once. Afterwards nothing is in flight.
async fn read_all_at_once(agent: &Arc<Agent>, partition: TopicPartition, cache_bytes: u64, readers: i64) {
    let readers = (0..readers).map(|reader| {
        let agent = Arc::clone(agent);
        tokio::spawn(read_from(agent, partition, reader * 7, CacheBytes::divide(cache_bytes)))
    });
    try_join_all(readers).await.expect("no reader fails");
    assert_eq!(agent.memory.bytes_of(Share::CatchUp), 0);
}

/// Reads everything from `offset` on. Checks after each fetch that every cache is within its budget.
async fn read_from(agent: Arc<Agent>, partition: TopicPartition, offset: i64, budget: CacheBytes) {
    let mut next = offset;
    while next < HISTORY_RECORDS {
        let fetched = fetch(&agent, partition, next).await;
        assert_eq!(fetched.error, None);
        for (offset, value) in records(&fetched) {
            assert_eq!(value.len(), RECORD_BYTES);
            // Batches are whole, so records before the requested offset may come first; none is left out.
            assert!(offset <= next);
            next = next.max(offset + 1);
        }
        let loader = &agent.fetch.shared.loader;
        assert!(loader.cold.bytes() <= budget.cold);
        assert!(loader.history.bytes() <= budget.decoded);
        assert!(agent.memory.peak() <= agent.config.answer_bytes_max);
    }
}

fn incompressible(world: &World, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        text.push_str(&format!("{:016x}", world.rng.next_u64()));
    }
    text.truncate(bytes);
    text
}

#[tokio::test]
async fn old_records_are_read_on_threads_of_low_priority_and_new_ones_are_not() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    write_segments(&world, &writer, &[partition], 1, VALUE_BYTES).await;
    let reader = world.agent().await;
    let mut low = tokio::runtime::Builder::new_multi_thread();
    let low = low.worker_threads(1).thread_name("low").enable_all().build().unwrap();
    let (seen, mut names) = mpsc::channel(8);
    let tasks = Tasks::default().with_low_priority(low.handle().clone());
    tasks.spawn_movable("consumer", |priority| async move {
        let fetch = async |agent: &Agent, plan: FetchPlan| {
            assert_eq!(agent.fetch.fetch(FetchPlan { priority: priority.clone(), ..plan }).await[0].error, None);
            tokio::task::yield_now().await;
            seen.send(std::thread::current().name() == Some("low")).await.unwrap();
        };
        fetch(&writer, plan(&[(partition, 0)])).await;
        fetch(&reader, plan(&[(partition, 0)])).await;
        priority.restore().await;
        fetch(&writer, plan(&[(partition, 0)])).await;
        // Some records are new, others old.
        let new = world.topic("new", 1).await[0];
        produce(&reader, new, batch(&["new"])).await.expect("acknowledged");
        fetch(&reader, plan(&[(new, 0), (partition, 0)])).await;
        fetch(&reader, plan(&[(partition, 0)])).await;
    });
    for expected in [false, true, false, false, true] {
        assert_eq!(timeout(Duration::from_secs(60), names.recv()).await.unwrap(), Some(expected));
    }
    low.shutdown_background();
}
