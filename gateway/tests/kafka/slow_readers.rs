//! Many consumers that catch up, and some that never take their answers: memory is bounded, and everybody else goes on.

use std::sync::Arc;
use std::time::Duration;

use alluvium_gateway::memory::Share;
use alluvium_metastore::nodes::SessionConfig;
use alluvium_wire::ErrorCode;
use alluvium_wire::batch::{Batch, BatchBuilder, Compression};
use alluvium_wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::batches::{now, records};
use crate::producing::{append, response};
use crate::server::{Server, SharedStores};

/// Partitions with old records.
const PARTITIONS: i32 = 16;
/// Batches in each of them, and the size of each.
const BATCHES: i64 = 4;
const BATCH_BYTES: usize = 256 << 10;
/// Consumers of old records, clients that never read, and consumers at the tail. (tests/e2e has ten times as many.)
const CATCHING_UP: i32 = 200;
const NEVER_READING: i32 = 50;
const AT_THE_TAIL: i32 = 10;
/// Records that each consumer at the tail reads.
const TAIL_RECORDS: i64 = 50;
/// Memory for answers: less than the clients that never read would hold with one batch each.
const ANSWER_BYTES: usize = 4 << 20;
/// Requests that a client sends that never takes its answers: more than the buffers of two sockets hold.
const STUCK_REQUESTS: i32 = 32;

fn fetch(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    let partition =
        FetchPartition { partition, fetch_offset: offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms: 500, min_bytes: 1, max_bytes: 50 << 20, topics: vec![topic], ..Default::default() }
}

fn next_offset(partition: PartitionData, mut next: i64) -> i64 {
    assert_eq!(partition.error_code, ErrorCode::NONE);
    let mut bytes: Bytes = partition.records.unwrap().into_parts().concat().into();
    while !bytes.is_empty() {
        let batch = Batch::parse(&mut bytes).unwrap();
        let header = batch.header();
        assert!(header.base_offset <= next, "no record is left out");
        next = header.base_offset + i64::from(header.last_offset_delta) + 1;
    }
    next
}

/// Reads a partition from its start up to `end`.
async fn read_up_to(server: &Server, topic: &str, partition: i32, end: i64) {
    let mut client = server.client().await;
    let mut next = 0;
    while next < end {
        let mut response: FetchResponse = client.call(11, &fetch(topic, partition, next)).await;
        next = next_offset(response.responses.remove(0).partitions.remove(0), next);
    }
}

/// Stores with old records, and a server that has none of them in memory.
async fn server_with_old_records() -> Server {
    let stores = SharedStores::new().await;
    let writer = Server::over(stores.clone(), None, SessionConfig::default(), |_| {}).await;
    writer.topic("old", PARTITIONS, &[]).await;
    writer.topic("tail", 1, &[]).await;
    let value: Vec<u8> =
        (0..BATCH_BYTES as u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut client = writer.client().await;
    for partition in 0..PARTITIONS {
        for _ in 0..BATCHES {
            let mut batch = BatchBuilder::new(Compression::None, 0);
            batch.push(0, now(), None, Some(&value), []).unwrap();
            let produced = client.call(9, &append("old", partition, -1, batch.finish())).await;
            assert_eq!(response(&produced).error_code, ErrorCode::NONE);
        }
    }
    Server::over(stores, None, SessionConfig::default(), |config| {
        config.answer_bytes_max = ANSWER_BYTES;
        config.slow_reader_grace = Duration::from_millis(500);
    })
    .await
}

/// A client with a small buffer that sends fetches and takes nothing of their answers.
async fn stuck(server: &Server, partition: i32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let requests = (0..STUCK_REQUESTS).flat_map(|number| {
        alluvium_wire::frame::encode_request(11, number, Some("stuck"), &fetch("old", partition, 0)).unwrap()
    });
    stream.write_all(&requests.flatten().collect::<Vec<u8>>()).await.unwrap();
    stream
}

/// Spawns a reader of `partition` of `topic` up to `end`.
fn spawn_reader(server: &Arc<Server>, topic: &'static str, partition: i32, end: i64) -> JoinHandle<()> {
    let server = Arc::clone(server);
    tokio::spawn(async move { read_up_to(&server, topic, partition, end).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_go_on_in_bounded_memory_beside_many_that_catch_up_and_some_that_never_read() {
    let server = Arc::new(server_with_old_records().await);
    let stuck = join_all((0..NEVER_READING).map(|number| stuck(&server, number % PARTITIONS))).await;
    let catching_up =
        (0..CATCHING_UP).map(|number| spawn_reader(&server, "old", number % PARTITIONS, BATCHES)).collect::<Vec<_>>();
    let tail = (0..AT_THE_TAIL).map(|_| spawn_reader(&server, "tail", 0, TAIL_RECORDS)).collect::<Vec<_>>();
    let mut producer = server.client().await;
    for _ in 0..TAIL_RECORDS {
        producer.call(8, &append("tail", 0, -1, records(1))).await;
    }
    try_join_all(tail).await.unwrap();
    try_join_all(catching_up).await.unwrap();
    let agent = &server.agent;
    assert!(agent.memory.peak() <= ANSWER_BYTES, "{} bytes held", agent.memory.peak());
    assert!(agent.memory.waits_of(Share::CatchUp) > 0, "they have to wait for each other");
    assert_eq!(agent.memory.waits_of(Share::Tail), 0, "the tail waits for nobody");
    assert!(agent.metrics.slow_readers.get() > 0, "who never reads is disconnected once others wait");
    drop(stuck);
}
