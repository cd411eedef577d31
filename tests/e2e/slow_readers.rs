//! 2,000 consumers that catch up at once and 500 that never read their sockets: all others go on, and the resident
//! memory of the process stays within the sum that docs/operating.md gives.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alluvium_client::{Acks, Cluster, IdempotentProducer, PartitionReader, ProducerConfig, ReaderConfig, TopicLayout};
use alluvium_wire::{
    batch::Compression,
    frame::encode_request,
    messages::fetch::{FetchPartition, FetchRequest, FetchTopic},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    task::{JoinSet, block_in_place},
    time::timeout,
};

use crate::{
    records::start_ms,
    server::{DEADLINE, Server},
};

const CATCHING_UP: usize = 2_000;
const NEVER_READING: usize = 500;
const PARTITIONS: i32 = 32;
const BATCHES: i64 = 2;
const VALUE_BYTES: usize = 250_000;
/// Records that are produced and followed at the tail, alone and then beside everybody else.
const TAIL_RECORDS: i64 = 200;
/// Requests of a client that never reads: their answers are more than the buffers of two sockets hold.
const STUCK_REQUESTS: i32 = 32;
const MIB: u64 = 1 << 20;
/// The bounds of docs/operating.md, with the options below. (There are no other agents.)
const MEMORY_BYTES_MAX: u64 = (2 * 64 + 64 + 64 + 2 * 64 + 2 + 32 * 4 + 32 + 60 + 100) * MIB + 2_700 * 20 * 1_024;
const OPTIONS: [&str; 6] = ["--unflushed-bytes", "64MiB", "--cache-bytes", "64MiB", "--answer-bytes", "64MiB"];

/// Bytes of the process's memory, at most since its start.
fn resident_peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    line.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok()).expect("a number of kB") * 1_024
}

async fn reader(cluster: &Cluster, address: &str, topic: &TopicLayout, partition: i32) -> PartitionReader {
    let connection = cluster.dial(address).await.expect("connected");
    let positions = BTreeMap::from([(partition, 0)]);
    PartitionReader::new(connection, (topic.name.clone(), topic.id), positions, ReaderConfig::default())
}

/// Reads up to offset `end`, and calls `seen` with the next offset after each answer.
async fn read_up_to(mut reader: PartitionReader, end: i64, seen: impl Fn(i64)) {
    let mut next = 0;
    while next < end {
        for fetched in reader.poll().await.expect("an answer") {
            assert!(fetched.from <= next, "no record is left out");
            next = fetched.batch.header().base_offset + i64::from(fetched.batch.header().last_offset_delta) + 1;
        }
        seen(next);
    }
}

async fn producer(cluster: &Cluster, address: &str, topic: &TopicLayout) -> IdempotentProducer<()> {
    let config = ProducerConfig { acks: Acks::All, in_flight_max: 1, delivery_timeout: DEADLINE };
    let connection = cluster.dial(address).await.expect("connected");
    IdempotentProducer::new(connection, (topic.name.clone(), topic.id), config).await.expect("a producer")
}

async fn produce(producer: &mut IdempotentProducer<()>, partition: i32, value: &[u8]) {
    let mut batch = producer.batch(partition, Compression::None);
    batch.push(0, start_ms(), None, Some(value), []).expect("it fits");
    producer.send(vec![(partition, batch, ())]).await.expect("acknowledged");
    producer.flush().await.expect("acknowledged");
}

/// A client with a small buffer that sends fetches and takes nothing of their answers.
async fn stuck(address: &str, partition: i32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a buffer");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("connected");
    let partition = FetchPartition { partition, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: "old".to_owned(), partitions: vec![partition], ..Default::default() };
    let fetch = FetchRequest { min_bytes: 1, max_bytes: 50 << 20, topics: vec![topic], ..Default::default() };
    for number in 0..STUCK_REQUESTS {
        let request = encode_request(11, number, Some("stuck"), &fetch).expect("it can be written").concat();
        stream.write_all(&request).await.expect("the server reads");
    }
    stream
}

/// Produces [`TAIL_RECORDS`] one after the other, while a consumer follows. Returns the 99th percentile of the time
/// from sending a record until the consumer has it.
async fn tail_p99(cluster: &Cluster, address: &str, name: &str) -> Duration {
    let topic = cluster.create_topic(name, 1).await.expect("created");
    let sent: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let reading = {
        let (reader, sent, seen) = (reader(cluster, address, &topic, 0).await, Arc::clone(&sent), Arc::clone(&seen));
        tokio::spawn(read_up_to(reader, TAIL_RECORDS, move |next| {
            let sent = sent.lock().expect("nobody panicked");
            let mut seen = seen.lock().expect("nobody panicked");
            while i64::try_from(seen.len()).expect("few") < next {
                let took = sent[seen.len()].elapsed();
                seen.push(took);
            }
        }))
    };
    let mut producer = producer(cluster, address, &topic).await;
    for _ in 0..TAIL_RECORDS {
        sent.lock().expect("nobody panicked").push(Instant::now());
        produce(&mut producer, 0, b"new").await;
    }
    reading.await.expect("it reads to the end");
    let mut seen = seen.lock().expect("nobody panicked").clone();
    seen.sort_unstable();
    seen[seen.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn two_thousand_consumers_that_catch_up_and_five_hundred_that_never_read_take_bounded_memory() {
    let mut server = Server::start(&OPTIONS);
    let address = server.address();
    let cluster = Cluster::connect(&address, "slow-readers").await.expect("connected");
    let old = cluster.create_topic("old", PARTITIONS).await.expect("created");
    let value: Vec<u8> =
        (0..VALUE_BYTES as u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut writer = producer(&cluster, &address, &old).await;
    for partition in (0..PARTITIONS).cycle().take(PARTITIONS as usize * BATCHES as usize) {
        produce(&mut writer, partition, &value).await;
    }
    // From now on nothing of it is in memory.
    block_in_place(|| {
        server.stop();
        server.restart();
    });
    let cluster = Cluster::connect(&address, "slow-readers").await.expect("connected");
    let alone = tail_p99(&cluster, &address, "alone").await;
    let mut sockets = Vec::new();
    for number in 0..NEVER_READING {
        sockets.push(stuck(&address, number as i32 % PARTITIONS).await);
    }
    let mut catching_up = JoinSet::new();
    for number in 0..CATCHING_UP {
        let reader = reader(&cluster, &address, &old, number as i32 % PARTITIONS).await;
        catching_up.spawn(read_up_to(reader, BATCHES, |_| {}));
    }
    let beside = tail_p99(&cluster, &address, "beside").await;
    timeout(DEADLINE, catching_up.join_all()).await.expect("all catch up");
    let metrics = block_in_place(|| server.get("/metrics")).expect("metrics");
    assert!(metrics.contains("alluvium_answer_waits_total{share=\"tail\"} 0\n"), "the tail waits for nobody");
    let resident = resident_peak(&server);
    eprintln!("resident {} MiB, p99 at the tail {alone:?} alone, {beside:?} beside all others", resident / MIB);
    assert!(resident <= MEMORY_BYTES_MAX, "{resident} bytes resident");
    drop(sockets);
}
