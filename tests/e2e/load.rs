//! A load that survives restarts of its server: idempotent producers that reconnect, a consumer that follows them, and
//! the check that every acknowledged record is there once and in order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use alluvium_client::{
    Acks, Appended, ClientError, Cluster, Connection, FetchedBatch, IdempotentProducer, PartitionReader,
    ProducerConfig, ReaderConfig, TopicLayout,
};
use alluvium_wire::batch::Compression;
use tokio::task::{JoinHandle, block_in_place};

use crate::{
    records::{connect, partition, read_all, start_ms},
    server::{DEADLINE, Server, wait_until},
};

const PARTITIONS: i32 = 4;
const PRODUCERS: usize = 3;
const RECORDS_PER_BATCH: u64 = 10;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Kafka's `delivery.timeout.ms`: longer than any fault of a test lasts, also on a slow machine.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(600);
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(5);

/// (partition, offset) of records, and their values.
type Found = BTreeMap<(i32, i64), String>;

/// Running producers and a running consumer.
pub struct Load {
    state: Arc<LoadState>,
    producers: Vec<JoinHandle<Found>>,
    consumer: JoinHandle<Found>,
}

struct LoadState {
    address: String,
    topic: TopicLayout,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// The consumer ends when it has this many records; `u64::MAX` while the number is unknown.
    expected: AtomicU64,
}

/// Values of one batch: its producer's records `first..first + RECORDS_PER_BATCH` to its partition.
#[derive(Clone, Copy)]
struct Values {
    producer: usize,
    first: u64,
}

impl Values {
    fn value(self, index: u64) -> String {
        format!("{}:{}", self.producer, self.first + index)
    }
}

impl Load {
    /// Creates a topic, and begins to produce to it and to read it.
    pub async fn start(server: &Server, topic: &str) -> Self {
        let cluster = Cluster::connect(&server.address(), "load").await.expect("connected");
        let state = Arc::new(LoadState {
            address: server.address(),
            topic: cluster.create_topic(topic, PARTITIONS).await.expect("created"),
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            expected: AtomicU64::new(u64::MAX),
        });
        let producers = (0..PRODUCERS).map(|number| tokio::spawn(produce(Arc::clone(&state), number))).collect();
        let consumer = tokio::spawn(consume(Arc::clone(&state)));
        Self { state, producers, consumer }
    }

    /// Blocks until `batches` more are acknowledged.
    pub fn progress(&self, batches: u64) {
        let before = self.acknowledged();
        let progressed = || self.acknowledged() >= before + batches;
        let stuck = || self.producers.iter().any(JoinHandle::is_finished);
        assert!(block_in_place(|| wait_until(|| progressed() || stuck())) && !stuck(), "producers are stuck");
    }

    /// Batches acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.state.acknowledged.load(Ordering::SeqCst)
    }

    /// Ends the load. Asserts that every acknowledged record is at its offset, that each producer's records are there
    /// once and in order, and that the consumer has seen the same records.
    pub async fn finish(self, server: &Server) {
        self.state.stop.store(true, Ordering::SeqCst);
        let mut acknowledged = Found::new();
        for producer in self.producers {
            acknowledged.extend(producer.await.expect("no producer fails"));
        }
        let found = everything(server, &self.state.topic.name).await;
        check_once_and_in_order(&found);
        for (place, value) in &acknowledged {
            assert_eq!(found.get(place), Some(value), "acknowledged at {place:?}");
        }
        self.state.expected.store(found.len() as u64, Ordering::SeqCst);
        let consumed = tokio::time::timeout(DEADLINE, self.consumer).await.expect("the consumer catches up");
        assert!(consumed.expect("the consumer goes on") == found, "the consumer has seen something else");
    }
}

/// Produces until it is told to stop, across restarts of the server. Returns what was acknowledged.
async fn produce(state: Arc<LoadState>, number: usize) -> Found {
    let config = ProducerConfig { acks: Acks::All, in_flight_max: 5, delivery_timeout: DELIVERY_TIMEOUT };
    let name = (state.topic.name.clone(), state.topic.id);
    let mut client = IdempotentProducer::new(reconnect(&state).await, name, config).await.expect("a producer id");
    let mut acknowledged = Found::new();
    let mut next: BTreeMap<i32, u64> = BTreeMap::new();
    for turn in (0..PARTITIONS).cycle() {
        let stopping = state.stop.load(Ordering::SeqCst);
        let outcome = if stopping {
            client.flush().await
        } else {
            let first = next.entry(turn).or_default();
            let values = Values { producer: number, first: *first };
            *first += RECORDS_PER_BATCH;
            let mut batch = client.batch(turn, Compression::Lz4);
            for (offset, index) in (0..).zip(0..RECORDS_PER_BATCH) {
                batch.push(offset, start_ms(), None, Some(values.value(index).as_bytes()), []).expect("fits");
            }
            client.send(vec![(turn, batch, values)]).await
        };
        note(&state, &mut acknowledged, until_acknowledged(&state, &mut client, outcome).await);
        if stopping && client.in_flight() == 0 {
            break;
        }
    }
    acknowledged
}

/// Resumes over new connections until one of them holds.
async fn until_acknowledged(
    state: &LoadState,
    client: &mut IdempotentProducer<Values>,
    mut outcome: Result<Vec<Appended<Values>>, ClientError>,
) -> Vec<Appended<Values>> {
    loop {
        match outcome {
            Ok(appended) => return appended,
            Err(ClientError::Closed(_)) => outcome = client.resume(reconnect(state).await).await,
            Err(error) => panic!("producing failed for good: {error}"),
        }
    }
}

async fn reconnect(state: &LoadState) -> Connection {
    loop {
        if let Ok(connection) = Connection::open(&state.address, "load").await {
            return connection;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn note(state: &LoadState, acknowledged: &mut Found, appended: Vec<Appended<Values>>) {
    for Appended { partition, base_offset, tag } in appended {
        state.acknowledged.fetch_add(1, Ordering::SeqCst);
        for (offset, index) in (base_offset..).zip(0..RECORDS_PER_BATCH) {
            acknowledged.insert((partition, offset), tag.value(index));
        }
    }
}

/// Follows all partitions from their beginning, across restarts of the server, until it has seen all expected records.
async fn consume(state: Arc<LoadState>) -> Found {
    let mut found = Found::new();
    let mut positions: BTreeMap<i32, i64> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
    while (found.len() as u64) < state.expected.load(Ordering::SeqCst) {
        let config = ReaderConfig { max_wait: Duration::from_millis(100), ..ReaderConfig::default() };
        let topic = (state.topic.name.clone(), state.topic.id);
        let mut reader = PartitionReader::new(reconnect(&state).await, topic, positions.clone(), config);
        while (found.len() as u64) < state.expected.load(Ordering::SeqCst) {
            match reader.poll().await {
                Ok(batches) => batches.iter().for_each(|fetched| read(fetched, &mut found)),
                Err(ClientError::Closed(_)) => break,
                Err(error) if error.code().is_some_and(ClientError::is_retriable_code) => {
                    tokio::time::sleep(PAUSE).await
                }
                Err(error) => panic!("consuming failed for good: {error}"),
            }
        }
        positions = reader.positions().clone();
    }
    found
}

/// Adds the records of a fetched batch; asserts that those of a partition come without a gap, and none twice.
fn read(fetched: &FetchedBatch, found: &mut Found) {
    let partition = fetched.partition;
    for record in &fetched.batch.records(BATCH_BYTES_MAX).expect("readable") {
        let record = record.expect("a record");
        if record.offset >= fetched.from {
            let last = found.range((partition, 0)..(partition + 1, 0)).next_back().map_or(-1, |((_, last), _)| *last);
            assert_eq!(record.offset, last + 1, "partition {partition}");
            let value = String::from_utf8_lossy(record.value.expect("a value")).into_owned();
            found.insert((partition, record.offset), value);
        }
    }
}

/// All records of all partitions, read by a third-party client.
async fn everything(server: &Server, topic: &str) -> Found {
    let client = connect(server).await;
    let mut found = Found::new();
    for number in 0..PARTITIONS {
        for (index, (offset, record)) in (0..).zip(read_all(&partition(&client, topic, number).await, 0).await) {
            assert_eq!(offset, index, "offsets of partition {number} have no gap");
            let value = String::from_utf8(record.value.expect("a value")).expect("text");
            found.insert((number, offset), value);
        }
    }
    found
}

fn check_once_and_in_order(found: &Found) {
    let mut next: BTreeMap<(i32, &str), u64> = BTreeMap::new();
    for ((partition, offset), value) in found {
        let (producer, sequence) = value.split_once(':').expect("producer:sequence");
        let expected = next.entry((*partition, producer)).or_default();
        assert_eq!(sequence.parse(), Ok(*expected), "partition {partition} offset {offset}, producer {producer}");
        *expected += 1;
    }
}
