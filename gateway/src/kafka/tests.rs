//! How connections end, in virtual time: earlier requests are still done, and no client is waited for too long.

use std::sync::Arc;
use std::time::Duration;

use alluvium_model::TopicPartition;
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::TaskPriority;
use alluvium_wire::frame::{decode_response, decode_response_header, encode_request};
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use alluvium_wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use alluvium_wire::{ApiKey, ErrorCode, Reader, Request};
use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::serve;
use crate::agent::Agent;
use crate::config::AgentConfig;
use crate::fetch::FetchPlan;
use crate::memory::Share;
use crate::tests::world::{World, batch, plan, produce, read_all, records};

/// Capacity of the pipe between client and agent: less than any response of interest.
const PIPE_BYTES: usize = 64 << 10;

struct Connection {
    client: DuplexStream,
    served: JoinHandle<()>,
    stop: CancellationToken,
}

fn connect(agent: &Arc<Agent>) -> Connection {
    let (client, server) = tokio::io::duplex(PIPE_BYTES);
    let (read, write) = tokio::io::split(server);
    let stop = CancellationToken::new();
    let peer = ([127, 0, 0, 1], 1).into();
    let served = tokio::spawn(serve(Arc::clone(agent), peer, TaskPriority::default(), read, write, stop.clone()));
    Connection { client, served, stop }
}

impl Connection {
    async fn send<Q: Request>(&mut self, version: i16, request: &Q) {
        let parts = encode_request(version, 1, None, request).expect("it can be written");
        self.client.write_all(&parts.concat()).await.expect("the agent reads");
    }

    /// The bytes of an answer.
    async fn receive_any(&mut self) -> Vec<u8> {
        let length = self.client.read_i32().await.expect("an answer");
        let mut body = vec![0; usize::try_from(length).expect("a length")];
        self.client.read_exact(&mut body).await.expect("an answer");
        body
    }

    async fn receive(&mut self, version: i16) -> ProduceResponse {
        let mut reader = Reader::new(self.receive_any().await.into());
        decode_response_header(&mut reader, ApiKey::Produce, version).expect("a header");
        decode_response(reader, version).expect("an answer")
    }
}

fn append(topic: &str, acks: i16, value: &str) -> ProduceRequest {
    let records = Some(batch(&[value]).bytes());
    let data = PartitionProduceData { index: 0, records };
    let topic = TopicProduceData { name: topic.to_owned(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

fn poll(topic: &str, wait: Duration) -> FetchRequest {
    let partition = FetchPartition { partition_max_bytes: i32::MAX, ..Default::default() };
    let topic = FetchTopic { topic: topic.to_owned(), partitions: vec![partition], ..Default::default() };
    let max_wait_ms = i32::try_from(wait.as_millis()).expect("a short time");
    FetchRequest { max_wait_ms, min_bytes: 1, max_bytes: i32::MAX, topics: vec![topic], ..Default::default() }
}

/// The records of `partition`, once there are any.
async fn awaited(agent: &Agent, partition: TopicPartition) -> Vec<(i64, String)> {
    let plan = FetchPlan { max_wait: Duration::from_secs(60), ..plan(&[(partition, 0)]) };
    records(&agent.fetch.fetch(plan).await.remove(0))
}

#[tokio::test(start_paused = true)]
async fn requests_sent_before_a_disconnect_are_still_done() {
    let world = World::new().await;
    let partitions = [world.topic("polled", 1).await[0], world.topic("orders", 1).await[0]];
    let agent = world.agent().await;
    let mut connection = connect(&agent);
    connection.send(4, &poll("polled", Duration::from_secs(100))).await;
    connection.send(8, &append("orders", 0, "fire and forget")).await;
    drop(connection.client);
    connection.served.await.expect("it ends");
    assert_eq!(awaited(&agent, partitions[1]).await, [(0, "fire and forget".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_unless_it_waits_for_its_answer() {
    let world = World::new().await;
    world.topic("polled", 1).await;
    let connections_idle_max = Duration::from_secs(10);
    let agent = world.agent_with(AgentConfig { connections_idle_max, ..AgentConfig::default() }).await;
    let mut connection = connect(&agent);
    connection.send(4, &poll("polled", Duration::from_secs(100))).await;
    let started = Instant::now();
    let answered = timeout(Duration::from_secs(101), connection.client.read_i32()).await;
    answered.expect("in time").expect("an answer");
    assert!(started.elapsed() >= Duration::from_secs(100));
    let mut rest = Vec::new();
    let closed = timeout(Duration::from_secs(11), connection.client.read_to_end(&mut rest)).await;
    closed.expect("in time").expect("the rest of the answer, and the end");
    connection.served.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn long_polls_of_a_disconnected_client_are_dropped() {
    let world = World::new().await;
    world.topic("polled", 1).await;
    let agent = world.agent().await;
    let mut connection = connect(&agent);
    connection.send(4, &poll("polled", Duration::from_secs(100))).await;
    connection.send(4, &poll("polled", Duration::from_secs(100))).await;
    drop(connection.client);
    let started = Instant::now();
    connection.served.await.expect("it ends");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_draining_agent_answers_requests_in_flight_and_takes_no_more() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent().await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(2))));
    let mut connection = connect(&agent);
    connection.send(8, &append("orders", -1, "kept")).await;
    sleep(Duration::from_secs(1)).await;
    agent.produce.admission().close();
    connection.send(8, &append("orders", -1, "too late")).await;
    let answer = connection.receive(8).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
    connection.served.await.expect("it ends");
    assert_eq!(read_all(&agent, partition).await, [(0, "kept".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_does_not_delay_a_drain() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent().await;
    produce(&agent, partition, batch(&["v".repeat(2 * PIPE_BYTES).as_str()])).await.expect("acknowledged");
    let mut connection = connect(&agent);
    connection.send(4, &poll("orders", Duration::ZERO)).await;
    sleep(Duration::from_secs(1)).await;
    connection.stop.cancel();
    timeout(Duration::from_secs(15), connection.served).await.expect("within the end timeout").expect("it ends");
}

/// An agent whose answers may hold little memory, with one batch of which two do not fit.
async fn agent_with_one_large_batch(world: &World) -> Arc<Agent> {
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent_with(AgentConfig { answer_bytes_max: 1 << 20, ..AgentConfig::default() }).await;
    produce(&agent, partition, batch(&["v".repeat(5 * PIPE_BYTES).as_str()])).await.expect("acknowledged");
    agent
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_answer_is_disconnected_once_others_wait_for_memory() {
    let world = World::new().await;
    let agent = agent_with_one_large_batch(&world).await;
    let mut stuck = connect(&agent);
    stuck.send(4, &poll("orders", Duration::ZERO)).await;
    sleep(Duration::from_secs(300)).await;
    assert!(!stuck.served.is_finished(), "nobody else waits");
    let mut other = connect(&agent);
    other.send(4, &poll("orders", Duration::ZERO)).await;
    let answer = timeout(agent.config.slow_reader_grace, other.client.read_i32()).await.expect("in time");
    assert!(usize::try_from(answer.expect("an answer")).expect("a length") > 5 * PIPE_BYTES);
    stuck.served.await.expect("it ends");
    assert_eq!(agent.metrics.slow_readers.get(), 1);
    assert_eq!(agent.memory.waits_of(Share::Tail), 1);
}

#[tokio::test(start_paused = true)]
async fn clients_that_never_take_an_answer_hold_little_and_others_get_larger_and_larger_ones() {
    const BATCH_BYTES: usize = PIPE_BYTES - 1_000;
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let agent = world.agent_with(AgentConfig { answer_bytes_max: 32 << 20, ..AgentConfig::default() }).await;
    for _ in 0..32 {
        produce(&agent, partition, batch(&["v".repeat(BATCH_BYTES).as_str()])).await.expect("acknowledged");
    }
    let mut stuck: Vec<Connection> = (0..110).map(|_| connect(&agent)).collect();
    for connection in &mut stuck {
        connection.send(4, &poll("orders", Duration::ZERO)).await;
        connection.send(4, &poll("orders", Duration::ZERO)).await;
    }
    sleep(Duration::from_millis(100)).await;
    let mut other = connect(&agent);
    let mut lengths = Vec::new();
    for _ in 0..3 {
        other.send(4, &poll("orders", Duration::ZERO)).await;
        lengths.push(timeout(Duration::from_secs(1), other.receive_any()).await.expect("in time").len() / BATCH_BYTES);
    }
    assert_eq!(lengths, [1, 2, 4]);
    let mut batching = connect(&agent);
    let min_bytes = i32::try_from(3 * BATCH_BYTES).expect("a few");
    batching.send(4, &FetchRequest { min_bytes, ..poll("orders", Duration::ZERO) }).await;
    assert!(batching.receive_any().await.len() > 2 * BATCH_BYTES, "its own least size");
    assert_eq!(agent.memory.waits_of(Share::Tail), 0);
}

#[tokio::test(start_paused = true)]
async fn clients_that_take_no_answers_keep_others_waiting_for_a_moment_only() {
    let world = World::new().await;
    let agent = agent_with_one_large_batch(&world).await;
    // The second one waits for memory too.
    for _ in 0..2 {
        let mut stuck = connect(&agent);
        stuck.send(4, &poll("orders", Duration::ZERO)).await;
        tokio::spawn(async move { stuck.served.await.map(|()| drop(stuck.client)) });
    }
    sleep(Duration::from_millis(100)).await;
    let mut other = connect(&agent);
    other.send(4, &poll("orders", Duration::ZERO)).await;
    let answer = timeout(Duration::from_secs(8), other.client.read_i32()).await.expect("in time");
    assert!(usize::try_from(answer.expect("an answer")).expect("a length") > 5 * PIPE_BYTES);
    assert_eq!(agent.metrics.slow_readers.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_that_takes_its_answer_is_served_whole_while_others_wait_for_memory() {
    let world = World::new().await;
    let agent = agent_with_one_large_batch(&world).await;
    let (mut slow, mut other) = (connect(&agent), connect(&agent));
    slow.send(4, &poll("orders", Duration::ZERO)).await;
    let length = usize::try_from(slow.client.read_i32().await.expect("an answer")).expect("a length");
    other.send(4, &poll("orders", Duration::ZERO)).await;
    let mut taken = Vec::new();
    while taken.len() < length {
        sleep(Duration::from_millis(500)).await;
        slow.client.read_buf(&mut (&mut taken).limit(PIPE_BYTES / 2)).await.expect("more of the answer");
    }
    assert!(other.client.read_i32().await.is_ok(), "the memory is free again");
    assert_eq!((agent.metrics.slow_readers.get(), agent.memory.peak() <= 1 << 20), (0, true));
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_of_a_client_that_takes_no_answer_does_not_keep_producers_waiting() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let (writer, announced) = (world.agent().await, 2 << 20);
    let agent = world.agent_with(AgentConfig { unflushed_bytes_max: announced, ..AgentConfig::default() }).await;
    let mut stuck = connect(&agent);
    stuck.send(4, &poll("orders", Duration::from_secs(100))).await;
    // All that may be in flight, of which no more than the beginning comes.
    stuck.client.write_i32(i32::try_from(announced).expect("a length")).await.expect("the agent reads");
    stuck.client.write_all(&[0; 8]).await.expect("the agent reads");
    sleep(Duration::from_secs(1)).await;
    produce(&writer, partition, batch(&["v".repeat(2 * PIPE_BYTES).as_str()])).await.expect("acknowledged");
    sleep(Duration::from_secs(1)).await;
    let mut other = connect(&agent);
    other.send(8, &append("orders", -1, &"v".repeat(PIPE_BYTES / 2))).await;
    timeout(Duration::from_secs(10), other.receive(8)).await.expect("in time");
}

#[tokio::test(start_paused = true)]
async fn a_topic_just_created_by_another_agent_is_produced_to_in_order() {
    let world = World::new().await;
    world.topic("orders", 1).await;
    let agent = world.agent_with_latency(Duration::from_secs(1)).await;
    let mut connection = connect(&agent);
    let partition = world.topic("events", 1).await[0];
    for value in ["a", "b", "c"] {
        connection.send(8, &append("events", -1, value)).await;
    }
    for base in 0..3 {
        let answer = connection.receive(8).await.responses.remove(0).partition_responses.remove(0);
        assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, base));
    }
    let values: Vec<String> = read_all(&agent, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b", "c"]);
    connection.send(8, &append("nothing", -1, "x")).await;
    let answer = connection.receive(8).await.responses.remove(0).partition_responses.remove(0);
    assert_eq!(answer.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_are_bounded_by_their_memory_and_not_by_their_bodies() {
    let world = World::new().await;
    world.topic("polled", 1).await;
    let agent = world.agent().await;
    let mut connection = connect(&agent);
    connection.send(4, &poll("polled", Duration::from_secs(100))).await;
    // Requests with short bodies and long client ids: the agent stops reading long before it holds 256 of them.
    let client_id = "x".repeat(30_000);
    let request = encode_request(4, 1, Some(&client_id), &poll("polled", Duration::ZERO)).expect("it can be written");
    let request = request.concat();
    let mut sent = 0;
    while timeout(Duration::from_secs(1), connection.client.write_all(&request)).await.is_ok() {
        sent += 1;
        assert!(sent < 30, "three copies of each client id are more than a MiB");
    }
}
