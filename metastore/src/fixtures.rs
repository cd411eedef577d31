//! Stores for tests, one line each: in memory, without or with seeded faults; and small things to put into them.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use alluvium_model::{
    AgentId, ObjectId, Timestamp, TopicId, TopicPartition,
    log::{BatchCommit, CommitLimits, RunCommit, SegmentCommit},
};

use crate::{
    Metastore,
    kv::{Db, Engine, Faults, FdbEngine, FdbOptions, MemoryEngine},
    leases::{Lease, LeaseKey},
    nodes::{Endpoint, Incarnation, LeaseOwner, NewNode, Session, SessionConfig},
    topics::{NewTopic, Topic},
};
use alluvium_runtime::{ManualClock, SeededRng, uuid_v4};

/// Bytes of a fixture's batch.
const BATCH_BYTES: u32 = 100;

/// Names the cluster file of a FoundationDB that is to hold the stores of [`memory`]: so the tests that use them are
/// tests of FoundationDB, too.
pub const FDB_VARIABLE: &str = "ALLUVIUM_TEST_FDB";

/// A fresh store that never fails: in memory, unless [`FDB_VARIABLE`] says where else.
pub async fn memory() -> Metastore {
    match std::env::var_os(FDB_VARIABLE) {
        Some(cluster_file) => on_fdb(cluster_file.into()).await,
        None => open(Faults::none()).await,
    }
}

/// A fresh store in memory with seeded `faults`.
pub async fn open(faults: Faults) -> Metastore {
    on(Arc::new(MemoryEngine::new(faults))).await
}

async fn on_fdb(cluster_file: PathBuf) -> Metastore {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("fixture-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let options = FdbOptions { cluster_file: Some(cluster_file), prefix: prefix.into_bytes(), library: None };
    on(Arc::new(FdbEngine::open(options).await.expect("the FoundationDB that was named answers"))).await
}

async fn on(engine: Arc<dyn Engine>) -> Metastore {
    let rng = Arc::new(SeededRng::new(1));
    Metastore::open(Db::new(engine, rng.clone()), &*rng).await.expect("a fresh store opens")
}

/// The session of an agent and compactor that is alone on `metastore`.
pub async fn alone(metastore: &Metastore) -> Session {
    let kafka = Some(Endpoint { host: "127.0.0.1".to_owned(), port: 9092 });
    let new = NewNode { kafka, compacts: true, ..NewNode::default() };
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let rng = Arc::new(SeededRng::new(2));
    let session = Session::open(metastore.nodes.clone(), new, SessionConfig::alone(), clock, rng);
    session.await.expect("a fixture's store takes a registration")
}

/// A lease on `key` of a node that stays registered: the same node for all of them, out of the way of others.
pub async fn lease(metastore: &Metastore, key: LeaseKey) -> Lease {
    let lease_owner = LeaseOwner { id: AgentId(1_000_000), incarnation: Incarnation(1) };
    let new = NewNode { id: Some(lease_owner.id), ..NewNode::default() };
    metastore.nodes.register(&new, lease_owner.incarnation, Timestamp(0)).await.expect("a fixture's store registers");
    let leases = metastore.leases.acquire(&[key], lease_owner, &SeededRng::new(3)).await;
    leases.expect("a fixture's store gives leases").remove(0).expect("a fixture's lease is free")
}

/// Creates a topic without overrides; its id follows from its name.
pub async fn topic(metastore: &Metastore, name: &str, partitions: i32, now: Timestamp) -> Topic {
    let seed = name.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(257).wrapping_add(byte.into()));
    let id = TopicId(uuid_v4(&SeededRng::new(seed)));
    let topic = NewTopic { id, name: name.to_owned(), partitions, replication_factor: 1, configs: BTreeMap::new() };
    metastore.topics.create(topic, now).await.expect("a fixture's name is legal and free")
}

/// The segment numbered `number`, created at `now`: one batch of one record for each of `partitions`.
#[must_use]
pub fn segment(partitions: &[TopicPartition], number: u64, now: Timestamp) -> SegmentCommit {
    let batch = BatchCommit { records: 1, bytes: BATCH_BYTES, timestamps: (now, now), producer: None };
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

/// Appends one record to `partition` by segment `number`.
pub async fn append(metastore: &Metastore, partition: TopicPartition, number: u64, now: Timestamp) {
    let segment = segment(&[partition], number, now);
    metastore.log.commit(&[segment], now, &CommitLimits::default()).await.expect("a fixture's segment commits");
}
