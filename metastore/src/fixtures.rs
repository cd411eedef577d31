//! Fixtures for tests: stores in memory, with or without seeded faults, and what to put into them, one line each.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use alluvium_model::{
    AgentId, Extent, ObjectId, Timestamp, TopicId, TopicPartition,
    log::{BatchCommit, CommitLimits, RunCommit, SegmentCommit},
};
use alluvium_runtime::{ManualClock, SeededRng, uuid_v4};

use crate::{
    Metastore,
    kv::{Db, Engine, FdbEngine, FdbOptions, KvFaults, MemoryEngine},
    leases::{Lease, LeaseKey},
    log::NewObject,
    nodes::{Endpoint, Incarnation, LeaseOwner, NewNode, Session, SessionConfig},
    topics::{NewTopic, Topic},
};

/// Bytes of the batch of a fixture.
const BATCH_BYTES: u32 = 100;
/// How long what [`replace`] replaces stays in the bucket.
const DELETION_GRACE: Duration = Duration::from_secs(600);

/// If this environment variable names a cluster file, the stores of [`memory`] are in that FoundationDB, so that their
/// tests also test FoundationDB.
pub const FDB_VARIABLE: &str = "ALLUVIUM_TEST_FDB";

/// A new store that never fails: in memory, unless [`FDB_VARIABLE`] is set.
pub async fn memory() -> Metastore {
    match std::env::var_os(FDB_VARIABLE) {
        Some(cluster_file) => on_fdb(cluster_file.into()).await,
        None => open(KvFaults::none()).await,
    }
}

/// A new store in memory with seeded `faults`.
pub async fn open(faults: KvFaults) -> Metastore {
    on(Arc::new(MemoryEngine::new(faults))).await
}

async fn on_fdb(cluster_file: PathBuf) -> Metastore {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("fixture-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let options = FdbOptions { cluster_file: Some(cluster_file), prefix: prefix.into_bytes(), library: None };
    on(Arc::new(FdbEngine::open(options).await.expect("FoundationDB answers"))).await
}

async fn on(engine: Arc<dyn Engine>) -> Metastore {
    let rng = Arc::new(SeededRng::new(1));
    Metastore::open(Db::new(engine, rng.clone()), &*rng).await.expect("a fresh store opens")
}

/// The session of a process that is agent and compactor, and uses `metastore` alone.
pub async fn alone(metastore: &Metastore) -> Session {
    let kafka = Some(Endpoint { host: "127.0.0.1".to_owned(), port: 9092 });
    let new = NewNode { kafka, compacts: true, ..NewNode::default() };
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let rng = Arc::new(SeededRng::new(2));
    let session = Session::open(metastore.nodes.clone(), new, SessionConfig::alone(), clock, rng);
    session.await.expect("a fixture's store takes a registration")
}

/// A lease on `key`. All these leases belong to the same node, which stays registered, with an id that no other has.
pub async fn lease(metastore: &Metastore, key: LeaseKey) -> Lease {
    let owner = LeaseOwner { id: AgentId(1_000_000), incarnation: Incarnation(1) };
    let new = NewNode { id: Some(owner.id), ..NewNode::default() };
    metastore.nodes.register(&new, owner.incarnation, Timestamp(0)).await.expect("a fixture's store registers");
    let leases = metastore.leases.acquire(&[key], owner, &SeededRng::new(3)).await;
    leases.expect("a fixture's store gives leases").remove(0).expect("a fixture's lease is free")
}

/// Puts `extent`, which is the object `key`, into the place of `inputs` of `partition`, as a compactor does that wrote
/// it.
pub async fn replace(
    metastore: &Metastore,
    partition: TopicPartition,
    inputs: &[Extent],
    (extent, key): (Extent, String),
    now: Timestamp,
) {
    let lease = lease(metastore, LeaseKey::Partition(partition)).await;
    let output = (extent.clone(), NewObject { key, bytes: extent.file_bytes() });
    let swapped = metastore.log.swap(&lease, partition, inputs, &[output], now, DELETION_GRACE).await;
    swapped.expect("a fixture's inputs are current");
    metastore.leases.release(&[lease]).await.expect("a fixture's store takes leases back");
}

/// Creates a topic without config overrides; its id follows from its name.
pub async fn topic(metastore: &Metastore, name: &str, partitions: i32, now: Timestamp) -> Topic {
    let seed = name.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(257).wrapping_add(byte.into()));
    let id = TopicId(uuid_v4(&SeededRng::new(seed)));
    let topic = NewTopic { id, name: name.to_owned(), partitions, replication_factor: 1, configs: BTreeMap::new() };
    metastore.topics.create(topic, now).await.expect("a fixture's name is legal and free")
}

/// Segment number `number`, created at `now`: one batch of one record for each of `partitions`.
#[must_use]
pub fn segment(partitions: &[TopicPartition], number: u64, now: Timestamp) -> SegmentCommit {
    let batch =
        BatchCommit { records: 1, bytes: BATCH_BYTES, timestamps: (now, now), producer: None, transactional: None };
    let run = |(n, partition): (u64, &TopicPartition)| RunCommit {
        partition: *partition,
        position: n * u64::from(BATCH_BYTES)..(n + 1) * u64::from(BATCH_BYTES),
        batches: vec![batch.clone()],
    };
    SegmentCommit {
        object: ObjectId::new(now, 1, number),
        bytes: 1_000,
        runs: (0..).zip(partitions).map(run).collect(),
    }
}

/// Appends one record to `partition` by segment number `number`.
pub async fn append(metastore: &Metastore, partition: TopicPartition, number: u64, now: Timestamp) {
    let segment = segment(&[partition], number, now);
    metastore.log.commit(&[segment], || now, &CommitLimits::default()).await.expect("a fixture's segment commits");
}
