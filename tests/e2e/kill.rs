//! `kill -9` in mid-load: every acknowledged record is at its offset, none is there twice, and producers go on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use alluvium_client::{Acks, Appended, ClientError, Connection, IdempotentProducer, ProducerConfig, TopicLayout};
use alluvium_wire::batch::Compression;

use crate::{
    records::{connect, partition, read_all, start_ms},
    server::{Server, wait_until},
};

const PARTITIONS: i32 = 4;
const PRODUCERS: usize = 3;
const RECORDS_PER_BATCH: u64 = 10;
const KILLS: u64 = 3;
/// Batches to be acknowledged between two kills.
const BATCHES_PER_LIFE: u64 = 60;

/// (partition, offset) of each acknowledged record, and its value.
type Acknowledged = BTreeMap<(i32, i64), String>;

struct Load {
    address: String,
    topic: TopicLayout,
    stop: AtomicBool,
    acknowledged: AtomicU64,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_server_loses_nothing_acknowledged_and_repeats_nothing() {
    let mut server = Server::start(&["--compaction-interval", "100ms", "--compaction-age", "0s"]);
    let cluster = alluvium_client::Cluster::connect(&server.address(), "kill").await.expect("connected");
    let topic = cluster.create_topic("killed", PARTITIONS).await.expect("created");
    let load = Arc::new(Load {
        address: server.address(),
        topic,
        stop: AtomicBool::new(false),
        acknowledged: AtomicU64::new(0),
    });
    let producers: Vec<_> = (0..PRODUCERS).map(|number| tokio::spawn(produce(load.clone(), number))).collect();
    for _ in 0..KILLS {
        let before = load.acknowledged.load(Ordering::SeqCst);
        let progressed = || load.acknowledged.load(Ordering::SeqCst) >= before + BATCHES_PER_LIFE;
        assert!(tokio::task::block_in_place(|| wait_until(progressed)), "producers are stuck");
        tokio::task::block_in_place(|| {
            server.kill();
            server.restart();
        });
    }
    load.stop.store(true, Ordering::SeqCst);
    let mut acknowledged = Acknowledged::new();
    for producer in producers {
        acknowledged.extend(producer.await.expect("no producer fails"));
    }
    check(&server, &acknowledged).await;
}

/// Produces until told to stop, whatever happens to the server; answers what was acknowledged.
async fn produce(load: Arc<Load>, number: usize) -> Acknowledged {
    let config = ProducerConfig { acks: Acks::All, in_flight_max: 5, delivery_timeout: Duration::from_secs(60) };
    let name = (load.topic.name.clone(), load.topic.id);
    let mut client = IdempotentProducer::new(reconnect(&load).await, name, config).await.expect("a producer id");
    let mut acknowledged = Acknowledged::new();
    let mut next: BTreeMap<i32, u64> = BTreeMap::new();
    for turn in (0..PARTITIONS).cycle() {
        let stopping = load.stop.load(Ordering::SeqCst);
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
        note(&load, &mut acknowledged, settle(&load, &mut client, outcome).await);
        if stopping && client.in_flight() == 0 {
            break;
        }
    }
    acknowledged
}

/// Goes on over new connections for as long as the server is away.
async fn settle(
    load: &Load,
    client: &mut IdempotentProducer<Values>,
    mut outcome: Result<Vec<Appended<Values>>, ClientError>,
) -> Vec<Appended<Values>> {
    loop {
        match outcome {
            Ok(appended) => return appended,
            Err(ClientError::Closed(_)) => outcome = client.resume(reconnect(load).await).await,
            Err(error) => panic!("producing failed for good: {error}"),
        }
    }
}

async fn reconnect(load: &Load) -> Connection {
    loop {
        if let Ok(connection) = Connection::open(&load.address, "kill").await {
            return connection;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn note(load: &Load, acknowledged: &mut Acknowledged, appended: Vec<Appended<Values>>) {
    for Appended { partition, base_offset, tag } in appended {
        load.acknowledged.fetch_add(1, Ordering::SeqCst);
        for (offset, index) in (base_offset..).zip(0..RECORDS_PER_BATCH) {
            acknowledged.insert((partition, offset), tag.value(index));
        }
    }
}

/// Every acknowledged record is where it was acknowledged, and each producer's records are there once, in order.
async fn check(server: &Server, acknowledged: &Acknowledged) {
    let client = connect(server).await;
    for number in 0..PARTITIONS {
        let found = read_all(&partition(&client, "killed", number).await, 0).await;
        let mut next = [0; PRODUCERS];
        for (index, (offset, record)) in found.iter().enumerate() {
            assert_eq!(
                *offset,
                i64::try_from(index).expect("few records"),
                "offsets of partition {number} have no gap"
            );
            let value = String::from_utf8(record.value.clone().expect("a value")).expect("text");
            let (producer, sequence) = value.split_once(':').expect("producer:sequence");
            let expected: &mut u64 = &mut next[producer.parse::<usize>().expect("a number")];
            assert_eq!(
                sequence.parse::<u64>().expect("a number"),
                *expected,
                "partition {number}, producer {producer}"
            );
            *expected += 1;
        }
        for ((_, offset), value) in acknowledged.range((number, 0)..(number + 1, 0)) {
            let index = usize::try_from(*offset).expect("an acknowledged offset");
            let (_, record) = found.get(index).unwrap_or_else(|| panic!("{number}/{offset} ({value}) is lost"));
            assert_eq!(record.value.as_deref(), Some(value.as_bytes()), "partition {number} offset {offset}");
        }
    }
}
