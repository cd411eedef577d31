//! Records that are produced are fetched: offsets, order, byte budgets, caches.

use alluvium_model::{Offset, TopicPartition};

use super::world::{World, append, batch, fetch, plan, produce, read_all, records, sequenced};
use crate::config::AgentConfig;
use crate::fetch::{FetchError, FetchPlan, FetchedPartition};

#[tokio::test(start_paused = true)]
async fn acknowledged_records_are_readable_at_their_offsets_without_any_get() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let first = produce(&agent, partition, batch(&["a", "b"])).await.expect("acknowledged");
    let second = produce(&agent, partition, batch(&["c"])).await.expect("acknowledged");
    assert_eq!((first.base_offset, second.base_offset), (Offset(0), Offset(2)));
    let fetched = fetch(&agent, partition, 1).await;
    assert_eq!(fetched.high_watermark, Offset(3));
    // The batch that contains the offset comes whole.
    assert_eq!(records(&fetched), [(0, "a".into()), (1, "b".into()), (2, "c".into())]);
    assert_eq!(world.objects.usage().totals().gets, 0);
}

#[tokio::test(start_paused = true)]
async fn one_segment_serves_many_partitions_and_one_flush_costs_one_put() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partitions = world.topic("orders", 20).await;
    // Spends the flush tokens that an idle agent has saved up.
    for _ in 0..4 {
        produce(&agent, partitions[0], batch(&["warm"])).await.expect("acknowledged");
    }
    let puts = world.objects.usage().totals().puts;
    let mut outcomes = Vec::new();
    for partition in &partitions {
        outcomes.push(append(&agent, *partition, batch(&["x"])).await);
    }
    for outcome in outcomes {
        assert!(outcome.await[0].is_ok());
    }
    assert_eq!(world.objects.usage().totals().puts, puts + 1);
    for partition in &partitions[1..] {
        assert_eq!(read_all(&agent, *partition).await, [(0, "x".into())]);
    }
}

#[tokio::test(start_paused = true)]
async fn batches_enter_the_log_in_the_order_of_calls_across_segments() {
    let world = World::new().await;
    let config = AgentConfig { segment_bytes_max: 300, ..AgentConfig::default() };
    let agent = world.agent_with(config).await;
    let partition = world.topic("orders", 1).await[0];
    let values: Vec<String> = (0..200).map(|n| format!("value {n}")).collect();
    let mut outcomes = Vec::new();
    for value in &values {
        outcomes.push(append(&agent, partition, batch(&[value])).await);
    }
    for (n, outcome) in (0..).zip(outcomes) {
        assert_eq!(outcome.await[0].as_ref().map(|ack| ack.base_offset), Ok(Offset(n)));
    }
    let expected: Vec<(i64, String)> = (0..).zip(values).collect();
    assert_eq!(read_all(&agent, partition).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_committed_even_if_its_outcome_is_dropped() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    drop(append(&agent, partition, batch(&["fire and forget"])).await);
    let ack = produce(&agent, partition, batch(&["next"])).await.expect("acknowledged");
    assert_eq!(ack.base_offset, Offset(1));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_answered_with_its_first_offset_and_read_once() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&agent, partition, sequenced(9, 0, &["a"])).await.expect("acknowledged");
    produce(&agent, partition, sequenced(9, 1, &["b"])).await.expect("acknowledged");
    let again = produce(&agent, partition, sequenced(9, 0, &["a"])).await.expect("a duplicate is a success");
    assert!(again.duplicate);
    assert_eq!(again.base_offset, Offset(0));
    // A refused batch in the middle of a run takes no offset, and the reader passes over it.
    let outcomes = [
        append(&agent, partition, sequenced(9, 2, &["c"])).await,
        append(&agent, partition, sequenced(9, 7, &["gap"])).await,
    ];
    let [good, gap] = outcomes;
    assert!(good.await[0].is_ok());
    assert!(gap.await[0].is_err());
    produce(&agent, partition, sequenced(9, 3, &["d"])).await.expect("acknowledged");
    let values: Vec<String> = read_all(&agent, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b", "c", "d"]);
    let other = world.agent().await;
    assert_eq!(read_all(&other, partition).await, read_all(&agent, partition).await);
}

#[tokio::test(start_paused = true)]
async fn an_offset_outside_of_the_log_is_reported_with_the_bounds() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&agent, partition, batch(&["a"])).await.expect("acknowledged");
    let beyond = fetch(&agent, partition, 2).await;
    assert_eq!(
        beyond.error,
        Some(FetchError::OffsetOutOfRange { offset: Offset(2), start: Offset(0), next: Offset(1) })
    );
    let at_end = fetch(&agent, partition, 1).await;
    assert_eq!((at_end.error, at_end.records.len()), (None, 0));
    let mut unknown = partition;
    unknown.partition.0 = 7;
    assert_eq!(fetch(&agent, unknown, 0).await.error, Some(FetchError::UnknownPartition(unknown)));
}

#[tokio::test(start_paused = true)]
async fn records_of_another_agent_are_never_out_of_range() {
    let world = World::new().await;
    let writer = world.agent().await;
    let reader = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for n in 0..5 {
        produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
        assert_eq!(records(&fetch(&reader, partition, n).await), [(n, "x".into())]);
    }
}

#[tokio::test(start_paused = true)]
async fn byte_budgets_are_kept_except_for_the_first_batch() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partitions = world.topic("orders", 3).await;
    let value = "v".repeat(1_000);
    for partition in &partitions[1..] {
        for _ in 0..3 {
            produce(&agent, *partition, batch(&[&value])).await.expect("acknowledged");
        }
    }
    let requested: Vec<(TopicPartition, i64)> = partitions.iter().map(|partition| (*partition, 0)).collect();
    let counts = |plan: crate::fetch::FetchPlan| async {
        let fetched = agent.fetch.fetch(plan).await;
        fetched.iter().map(|partition| records(partition).len()).collect::<Vec<_>>()
    };
    // No budget at all: one whole batch of the first partition that has records.
    assert_eq!(counts(crate::fetch::FetchPlan { max_bytes: 0, ..plan(&requested) }).await, [0, 1, 0]);
    assert_eq!(counts(crate::fetch::FetchPlan { max_bytes: 2_500, ..plan(&requested) }).await, [0, 2, 0]);
    let mut narrow = plan(&requested);
    narrow.partitions.iter_mut().for_each(|requested| requested.max_bytes = 1_500);
    assert_eq!(counts(narrow).await, [0, 1, 1]);
    assert_eq!(counts(plan(&requested)).await, [0, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn many_readers_of_one_cold_segment_load_it_once() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partitions = world.topic("orders", 10).await;
    let mut outcomes = Vec::new();
    for partition in &partitions {
        outcomes.push(append(&writer, *partition, batch(&["x"])).await);
    }
    for outcome in outcomes {
        assert!(outcome.await[0].is_ok());
    }
    let written = world.objects.usage().totals();
    let reader = world.agent().await;
    let requested: Vec<(TopicPartition, i64)> = partitions.iter().map(|partition| (*partition, 0)).collect();
    let (one, two) = tokio::join!(reader.fetch.fetch(plan(&requested)), reader.fetch.fetch(plan(&requested)));
    for fetched in one.iter().chain(two.iter()) {
        assert_eq!(records(fetched), [(0, "x".into())]);
    }
    let read = world.objects.usage().totals();
    assert_eq!(read.gets, written.puts);
    assert!(read.get_bytes <= written.put_bytes);
}

#[tokio::test(start_paused = true)]
async fn fetches_within_large_batches_stay_near_their_byte_limit() {
    const BATCHES_MAX: usize = 3;
    let world = World::new().await;
    let agent = world.agent().await;
    let partitions = world.topic("orders", 64).await;
    let values = vec!["v".repeat(1_000); 100];
    let batch = batch(&values.iter().map(String::as_str).collect::<Vec<_>>());
    for partition in &partitions {
        produce(&agent, *partition, batch.clone()).await.expect("acknowledged");
    }
    // Each partition is read from its last record on, and its whole batch is answered.
    let requested: Vec<_> = partitions.iter().map(|partition| (*partition, 99)).collect();
    let fetched = agent.fetch.fetch(FetchPlan { max_bytes: BATCHES_MAX * batch.len(), ..plan(&requested) }).await;
    let bytes: usize = fetched.iter().map(FetchedPartition::bytes).sum();
    // Partitions read at the same time may exceed the limit, but only by the concurrent reads.
    assert!((BATCHES_MAX..BATCHES_MAX + 8).contains(&(bytes / batch.len())), "{bytes}");
}
