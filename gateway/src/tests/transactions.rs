//! Transactions through whole agents: who reads what, on the agent that wrote and on another.

use std::time::Duration;

use alluvium_metastore::feed::{FeedEntry, FeedPosition};
use alluvium_model::transaction::{End, Init, TransactionVersion, TransactionalId, TransactionalProducer, Verdict};
use alluvium_model::{Offset, Timestamp, TopicPartition};

use super::world::{START_MS, World, batch, fetch, plan, produce, records, transactional};
use crate::agent::Agent;
use crate::fetch::{FetchedPartition, OffsetSpec};
use crate::transactions::OpenTransactions;

fn id() -> TransactionalId {
    TransactionalId::new("copier").expect("a short id")
}

async fn init(agent: &Agent) -> TransactionalProducer {
    let request = Init { expected: None, timeout: Duration::from_secs(60) };
    agent.transactions.init(&id(), request).await.expect("initialised")
}

async fn end(agent: &Agent, producer: TransactionalProducer, verdict: Verdict) -> TransactionalProducer {
    let end = End { producer, verdict, version: TransactionVersion::V2 };
    agent.transactions.end(&id(), end).await.expect("ended")
}

async fn fetch_committed(agent: &Agent, partition: TopicPartition, offset: i64) -> FetchedPartition {
    let committed = crate::fetch::FetchPlan { read_committed: true, ..plan(&[(partition, offset)]) };
    agent.fetch.fetch(committed).await.remove(0)
}

fn values(fetched: &FetchedPartition) -> Vec<(i64, String)> {
    assert_eq!(fetched.error, None);
    // Control records hold no text.
    records(fetched).into_iter().filter(|(_, value)| !value.contains('\0')).collect()
}

fn is(expected: &[(i64, &str)]) -> Vec<(i64, String)> {
    expected.iter().map(|(offset, value)| (*offset, (*value).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn committed_readers_wait_for_the_end_and_learn_what_was_aborted() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let (writer, other) = (world.agent().await, world.agent().await);
    let by = init(&writer).await;
    produce(&writer, partition, transactional(by, 0, &["a", "b"])).await.expect("acknowledged");
    produce(&writer, partition, batch(&["plain"])).await.expect("acknowledged");
    for agent in [&writer, &other] {
        agent.metadata_cache.sync().await.expect("synced");
        assert_eq!(values(&fetch(agent, partition, 0).await), is(&[(0, "a"), (1, "b"), (2, "plain")]));
        let committed = fetch_committed(agent, partition, 0).await;
        assert_eq!((values(&committed), committed.stable, committed.high_watermark), (is(&[]), Offset(0), Offset(3)));
    }
    let by = end(&writer, by, Verdict::Abort).await;
    produce(&writer, partition, transactional(by, 0, &["c"])).await.expect("acknowledged");
    end(&writer, by, Verdict::Commit).await;
    for agent in [&writer, &other, &world.agent().await] {
        agent.metadata_cache.sync().await.expect("synced");
        let committed = fetch_committed(agent, partition, 0).await;
        assert_eq!(values(&committed), is(&[(2, "plain"), (4, "c")]));
        assert_eq!((committed.stable, committed.high_watermark), (Offset(6), Offset(6)));
        assert_eq!(values(&fetch(agent, partition, 0).await).len(), 4, "others read everything");
        let read = agent.fetch.read_records(partition, Offset(0), 10).await.expect("read");
        let read: Vec<_> = read.iter().map(|record| record.offset.0).collect();
        assert_eq!(read, [2, 4], "over HTTP only committed records are read");
    }
}

#[tokio::test(start_paused = true)]
async fn a_committed_reader_finds_no_offset_beyond_the_stable_one() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent().await;
    let by = init(&agent).await;
    produce(&agent, partition, batch(&["plain"])).await.expect("acknowledged");
    produce(&agent, partition, transactional(by, 0, &["a", "b"])).await.expect("acknowledged");
    let latest = async |read_committed| {
        agent.fetch.list_offset(partition, OffsetSpec::Latest, read_committed).await.expect("found").offset
    };
    assert_eq!((latest(true).await, latest(false).await), (Offset(1), Offset(3)));
    let by_time = async |at, read_committed| {
        let spec = OffsetSpec::Timestamp(Timestamp(at));
        agent.fetch.list_offset(partition, spec, read_committed).await.expect("found").offset
    };
    assert_eq!((by_time(0, true).await, by_time(0, false).await), (Offset(0), Offset(0)));
    assert_eq!(by_time(START_MS + 1, false).await, Offset(2));
    assert_eq!(by_time(START_MS + 1, true).await, Offset(-1), "what is open is not found");
    end(&agent, by, Verdict::Commit).await;
    assert_eq!((latest(true).await, latest(false).await), (Offset(4), Offset(4)));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_times_out_is_aborted_by_any_agent() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let (writer, other) = (world.agent().await, world.agent().await);
    let by = init(&writer).await;
    produce(&writer, partition, transactional(by, 0, &["left open"])).await.expect("acknowledged");
    tokio::time::sleep(Duration::from_secs(61)).await;
    other.transactions.abort_due().await.expect("aborted");
    writer.metadata_cache.sync().await.expect("synced");
    assert_eq!(fetch_committed(&writer, partition, 0).await.stable, Offset(2));
    let late = produce(&writer, partition, transactional(by, 1, &["late"])).await;
    late.expect_err("the producer is fenced");
}

#[tokio::test(start_paused = true)]
async fn ends_that_come_together_are_made_together() {
    const PRODUCERS: usize = 20;
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent().await;
    let id = |number: usize| TransactionalId::new(&format!("producer-{number}")).expect("a short id");
    let mut open = Vec::new();
    for number in 0..PRODUCERS {
        let request = Init { expected: None, timeout: Duration::from_secs(60) };
        let by = agent.transactions.init(&id(number), request).await.expect("initialised");
        produce(&agent, partition, transactional(by, 0, &["a"])).await.expect("acknowledged");
        open.push((id(number), End { producer: by, verdict: Verdict::Commit, version: TransactionVersion::V2 }));
    }
    agent.transactions.count_open().await.expect("counted");
    assert_eq!(agent.transactions.open().by_age().next(), Some(("10s", PRODUCERS as u64)));

    let ends = open.iter().map(|(id, end)| agent.transactions.end(id, *end));
    for (answer, (_, end)) in futures::future::join_all(ends).await.into_iter().zip(&open) {
        assert_eq!(answer.expect("ended").id, end.producer.id);
    }
    let committed = fetch_committed(&agent, partition, 0).await;
    assert_eq!((values(&committed).len(), committed.stable), (PRODUCERS, Offset(2 * PRODUCERS as i64)));
    let feed = world.metastore.feed.read(&FeedPosition::START, 1_000).await.expect("read");
    let ends = feed.iter().filter(|(_, entry)| matches!(entry, FeedEntry::TransactionEnd { .. })).count();
    assert!(ends <= 2, "{PRODUCERS} ends took {ends} metastore transactions");

    agent.transactions.count_open().await.expect("counted");
    assert_eq!(agent.transactions.open(), OpenTransactions::default());
    agent.tasks.stop(Duration::from_secs(1)).await;
    let (id, end) = &open[0];
    let answer = tokio::time::timeout(Duration::from_secs(1), agent.transactions.end(id, *end)).await;
    assert!(answer.expect("at once").is_err(), "an agent that has stopped does not let its clients wait");
}
