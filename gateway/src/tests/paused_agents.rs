//! An agent that stood still does not do what clients asked it before, and have repeated elsewhere since.

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::transaction::{End, Init, TransactionVersion, TransactionalId, TransactionalProducer, Verdict};
use alluvium_model::{Offset, ProducerId, TopicPartition};
use alluvium_wire::Request;
use alluvium_wire::frame::encode_request;
use alluvium_wire::messages::end_txn::EndTxnRequest;
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::world::{TIMEOUT, World, append_by, fetch, records, transactional};
use crate::agent::Agent;
use crate::kafka::serve_connection;
use crate::pause_watch::PAUSE_MIN;

/// Capacity of the pipe between client and agent.
const PIPE_BYTES: usize = 4 << 10;
/// The last version of EndTxn that belongs to transactions of version 1.
const END_TXN_V1: i16 = 3;

fn connect(agent: &Arc<Agent>) -> DuplexStream {
    let (client, server) = tokio::io::duplex(PIPE_BYTES);
    let (read, write) = tokio::io::split(server);
    let (peer, stop) = (([127, 0, 0, 1], 1).into(), CancellationToken::new());
    let serve = |priority| serve_connection(Arc::clone(agent), peer, priority, read, write, stop);
    agent.tasks.spawn_movable("kafka connection", serve);
    client
}

async fn send<Q: Request>(client: &mut DuplexStream, version: i16, request: &Q) {
    let parts = encode_request(version, 1, None, request).expect("it can be written");
    client.write_all(&parts.concat()).await.expect("the pipe has room");
}

/// Whether the agent closes the connection without an answer.
async fn is_closed(client: &mut DuplexStream) -> bool {
    let mut answer = Vec::new();
    let length = timeout(TIMEOUT, client.read_to_end(&mut answer)).await;
    length.is_ok_and(|read| read.is_ok_and(|bytes| bytes == 0))
}

fn id() -> TransactionalId {
    TransactionalId::new("copier").expect("a short id")
}

fn end_request(by: TransactionalProducer, committed: bool) -> EndTxnRequest {
    EndTxnRequest { transactional_id: id().to_string(), producer_id: by.id.0, producer_epoch: by.epoch.0, committed }
}

/// Writes a record in a transaction of version 1.
async fn write(agent: &Agent, by: TransactionalProducer, partition: TopicPartition, (sequence, value): (i32, &str)) {
    agent.transactions.add(&id(), by, &[partition], &[]).await.expect("added");
    let batch = transactional(by, sequence, &[value]);
    let outcome = append_by(agent, partition, batch, TransactionVersion::V1).await.await.remove(0);
    outcome.expect("acknowledged");
}

async fn commit(agent: &Agent, by: TransactionalProducer) {
    let end = End { producer: by, verdict: Verdict::Commit, version: TransactionVersion::V1 };
    agent.transactions.end(&id(), end).await.expect("committed");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_an_agent_finds_after_a_pause_does_not_end_the_next_transaction() {
    for (paused, from_backlog) in [(PAUSE_MIN, false), (Duration::from_secs(40), false), (PAUSE_MIN, true)] {
        let world = World::new().await;
        let partition = world.topic("orders", 1).await[0];
        let (stopped, other) = (world.process(None).await, world.agent().await);
        let request = Init { expected: None, timeout: Duration::from_secs(300) };
        let by = other.transactions.init(&id(), request).await.expect("initialised");
        write(&other, by, partition, (0, "first")).await;
        let mut client = (!from_backlog).then(|| connect(&stopped.agent));
        sleep(Duration::from_secs(5)).await;
        stopped.pause();
        let client = client.get_or_insert_with(|| connect(&stopped.agent));
        send(client, END_TXN_V1, &end_request(by, false)).await;
        sleep(paused).await;
        // Nobody answers, so the client turns to the other agent, and goes on there.
        commit(&other, by).await;
        write(&other, by, partition, (1, "second")).await;
        stopped.resume();
        let is_closed = is_closed(client).await;
        commit(&other, by).await;
        other.metadata_cache.sync().await.expect("synced");
        let read = fetch(&other, partition, 0).await;
        assert_eq!(read.stable, Offset(4));
        let values: Vec<_> = records(&read).into_iter().filter(|(_, value)| !value.contains('\0')).collect();
        assert_eq!(values, [(0, "first".to_owned()), (2, "second".to_owned())]);
        assert!(is_closed, "paused for {paused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_waits_behind_another_request_during_a_pause_is_not_begun() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let (stopped, other) = (world.process(None).await, world.agent().await);
    let request = Init { expected: None, timeout: Duration::from_secs(300) };
    let by = other.transactions.init(&id(), request).await.expect("initialised");
    write(&other, by, partition, (0, "first")).await;
    let mut client = connect(&stopped.agent);
    let topic =
        FetchTopic { topic: "orders".to_owned(), partitions: vec![FetchPartition::default()], ..Default::default() };
    // It waits for more bytes than there will be.
    let poll = FetchRequest { max_wait_ms: 60_000, min_bytes: 1 << 20, topics: vec![topic], ..Default::default() };
    send(&mut client, 4, &poll).await;
    send(&mut client, END_TXN_V1, &end_request(by, false)).await;
    sleep(Duration::from_secs(5)).await;
    stopped.pause();
    sleep(Duration::from_secs(80)).await;
    commit(&other, by).await;
    write(&other, by, partition, (1, "second")).await;
    stopped.resume();
    assert!(is_closed(&mut client).await);
    commit(&other, by).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_a_pause_and_a_new_one_serves() {
    let world = World::new().await;
    let stopped = world.process(None).await;
    let mut idle = connect(&stopped.agent);
    sleep(Duration::from_secs(5)).await;
    stopped.pause();
    sleep(PAUSE_MIN).await;
    stopped.resume();
    assert!(is_closed(&mut idle).await);
    sleep(Duration::from_secs(1)).await;
    let mut new = connect(&stopped.agent);
    send(&mut new, END_TXN_V1, &end_request(TransactionalProducer::new(ProducerId(1)), false)).await;
    timeout(TIMEOUT, new.read_i32()).await.expect("in time").expect("an answer");
    assert_eq!(stopped.agent.metrics.pauses.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_was_slow_for_a_moment_closes_nothing() {
    let world = World::new().await;
    let stopped = world.process(None).await;
    let mut client = connect(&stopped.agent);
    sleep(Duration::from_secs(5)).await;
    stopped.pause();
    send(&mut client, END_TXN_V1, &end_request(TransactionalProducer::new(ProducerId(1)), false)).await;
    sleep(PAUSE_MIN - Duration::from_secs(2)).await;
    stopped.resume();
    timeout(TIMEOUT, client.read_i32()).await.expect("in time").expect("an answer");
}
