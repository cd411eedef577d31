//! Fixtures: stores in memory with injected faults, agents on top of them, batches, and readers.

use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::kv::{Db, FaultSwitch, KvFaults, MemoryEngine};
use alluvium_metastore::nodes::{Endpoint, NewNode, Session, SessionConfig};
use alluvium_metastore::topics::NewTopic;
use alluvium_model::transaction::{TransactionVersion, TransactionalProducer};
use alluvium_model::{Offset, Timestamp, TopicId, TopicPartition};
use alluvium_objects::faults::{FaultStore, Faults};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::{Clock, Rng, SeededRng, SimulatedProcess, TaskPriority, Tasks, uuid_v4};
use alluvium_wire::batch::{Batch, BatchBuilder, Compression};
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, AgentParts};
use crate::config::AgentConfig;
use crate::fetch::{FetchPartition, FetchPlan, FetchedPartition};
use crate::peers::NoPeers;
use crate::produce::{Ack, AppendOutcomes, PartitionAppend, ProduceError};

/// Timeout of every wait in the tests: longer than anything takes.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// The time at which every test starts, ms since the Unix epoch.
pub const START_MS: i64 = 1_790_000_000_000;

/// A clock that follows tokio's time, which tests can pause.
pub struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(START_MS + i64::try_from(self.0.elapsed().as_millis()).expect("a test is short"))
    }
}

/// An agent that can be killed.
pub struct Process {
    pub agent: Arc<Agent>,
    simulated: SimulatedProcess,
}

impl Process {
    /// Ends all tasks at once, as SIGKILL does.
    pub fn kill(&self) {
        self.simulated.end();
    }

    /// Stops all tasks, as SIGSTOP does.
    pub fn pause(&self) {
        self.simulated.pause();
    }

    /// Continues all tasks, as SIGCONT does.
    pub fn resume(&self) {
        self.simulated.resume();
    }

    /// Waits until the agent knows of this many live nodes.
    pub async fn wait_for_nodes(&self, nodes: usize) {
        wait_for_nodes(&self.agent, nodes).await;
    }
}

/// Waits until `agent` knows of this many live nodes.
pub async fn wait_for_nodes(agent: &Agent, nodes: usize) {
    let mut changes = agent.session.changes();
    while agent.session.live().len() != nodes {
        let changed = timeout(TIMEOUT, changes.changed()).await;
        changed.expect("nodes come and go in time").expect("the session lives");
    }
}

/// The metastore and the object store, which outlive agents, and what agents are started with.
pub struct World {
    engine: Arc<MemoryEngine>,
    pub metastore: Metastore,
    /// What is stored, behind every fault.
    bucket: Arc<dyn ObjectStore>,
    pub objects: Objects,
    pub faults: Faults,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
}

impl World {
    pub async fn new() -> Self {
        Self::with_metastore_faults(KvFaults::none()).await
    }

    pub async fn with_metastore_faults(faults: KvFaults) -> Self {
        let engine = Arc::new(MemoryEngine::new(faults));
        let metastore = open_metastore(engine.clone()).await;
        let bucket: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (store, faults) = FaultStore::new(Arc::clone(&bucket));
        let config = ObjectsConfig { hedge_after: None, ..ObjectsConfig::default() };
        Self {
            engine,
            metastore,
            bucket,
            objects: Objects::new(Arc::new(store), "", config),
            faults,
            clock: Arc::new(VirtualClock(Instant::now())),
            rng: Arc::new(SeededRng::new(7)),
        }
    }

    pub async fn agent(&self) -> Arc<Agent> {
        self.agent_with(AgentConfig::default()).await
    }

    pub async fn agent_with(&self, config: AgentConfig) -> Arc<Agent> {
        self.agent_in(None, config, SimulatedProcess::default()).await
    }

    /// Starts an agent in `zone` that can be killed.
    pub async fn process(&self, zone: Option<&str>) -> Process {
        let simulated = SimulatedProcess::default();
        Process { agent: self.agent_in(zone, AgentConfig::default(), simulated.clone()).await, simulated }
    }

    /// Starts several agents and waits until they know each other.
    pub async fn agents<const N: usize>(&self) -> [Process; N] {
        let mut processes = Vec::with_capacity(N);
        for _ in 0..N {
            processes.push(self.process(None).await);
        }
        for process in &processes {
            process.wait_for_nodes(N).await;
        }
        processes.try_into().ok().expect("as many as were started")
    }

    /// Changes the faults of the metastore while agents use it.
    pub fn metastore_faults(&self) -> FaultSwitch {
        self.engine.fault_switch()
    }

    /// Starts an agent that has a way to the bucket of its own, which can fail alone.
    pub async fn agent_with_own_bucket_access(&self) -> (Arc<Agent>, Faults) {
        let (store, faults) = FaultStore::new(Arc::clone(&self.bucket));
        let config = ObjectsConfig { hedge_after: None, ..ObjectsConfig::default() };
        let objects = Objects::new(Arc::new(store), "", config);
        let simulated = SimulatedProcess::default();
        let agent = self.agent_over(self.metastore.clone(), objects, None, AgentConfig::default(), simulated).await;
        (agent, faults)
    }

    async fn session(&self, metastore: &Metastore, zone: Option<&str>) -> Session {
        let new = NewNode {
            zone: zone.map(str::to_owned),
            kafka: Some(Endpoint { host: "127.0.0.1".to_owned(), port: 9092 }),
            ..NewNode::default()
        };
        let (clock, rng) = (Arc::clone(&self.clock), Arc::clone(&self.rng));
        let opened = Session::open(metastore.nodes.clone(), new, SessionConfig::default(), clock, rng);
        opened.await.expect("the metastore answers")
    }

    /// Starts an agent far from the metastore: each of its reads and commits takes up to `latency`.
    pub async fn agent_with_latency(&self, latency: Duration) -> Arc<Agent> {
        let faults = KvFaults { latency_max: latency, ..KvFaults::none() };
        let metastore = open_metastore(Arc::new(self.engine.for_other_process(faults))).await;
        let (objects, simulated) = (self.objects.clone(), SimulatedProcess::default());
        self.agent_over(metastore, objects, None, AgentConfig::default(), simulated).await
    }

    async fn agent_in(&self, zone: Option<&str>, config: AgentConfig, simulated: SimulatedProcess) -> Arc<Agent> {
        self.agent_over(self.metastore.clone(), self.objects.clone(), zone, config, simulated).await
    }

    async fn agent_over(
        &self,
        metastore: Metastore,
        objects: Objects,
        zone: Option<&str>,
        config: AgentConfig,
        simulated: SimulatedProcess,
    ) -> Arc<Agent> {
        let session = self.session(&metastore, zone).await;
        tokio::spawn(simulated.bind(session.clone().run(CancellationToken::new())));
        let tasks = Tasks::simulated(CancellationToken::new(), simulated);
        let parts = AgentParts {
            metastore,
            objects,
            session,
            peers: Arc::new(NoPeers),
            clock: Arc::clone(&self.clock),
            rng: Arc::clone(&self.rng),
            tasks,
        };
        Agent::start(config, parts).await.expect("the metastore answers")
    }

    /// Creates a topic. The feed announces it to the agents.
    pub async fn topic(&self, name: &str, partitions: i32) -> Vec<TopicPartition> {
        let topic = NewTopic {
            id: TopicId(uuid_v4(&*self.rng)),
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            configs: std::collections::BTreeMap::new(),
        };
        let topic = self.metastore.topics.create(topic, self.clock.now()).await.expect("the topic is new");
        topic.all_partitions().collect()
    }
}

/// Opens the metastore in `engine`.
async fn open_metastore(engine: Arc<MemoryEngine>) -> Metastore {
    let rng = Arc::new(SeededRng::new(1));
    Metastore::open(Db::new(engine, rng.clone()), &*rng).await.expect("a store in memory opens")
}

/// A batch of one record per value, a millisecond apart.
pub fn batch(values: &[&str]) -> Batch {
    finish(BatchBuilder::new(Compression::None, 0), values)
}

/// A batch of an idempotent producer.
pub fn sequenced(producer: i64, sequence: i32, values: &[&str]) -> Batch {
    finish(BatchBuilder::new(Compression::None, 0).producer(producer, 0, sequence), values)
}

fn finish(mut builder: BatchBuilder, values: &[&str]) -> Batch {
    for (offset, value) in (0..).zip(values) {
        builder.push(offset, START_MS + offset, None, Some(value.as_bytes()), []).expect("it fits");
    }
    Batch::exactly_one(builder.finish()).expect("what was built is a batch")
}

/// A batch of a transactional producer.
pub fn transactional(by: TransactionalProducer, sequence: i32, values: &[&str]) -> Batch {
    finish(BatchBuilder::new(Compression::None, 0).producer(by.id.0, by.epoch.0, sequence).transactional(), values)
}

/// Appends one batch without waiting for its outcome; a transactional one by the rules of version 2.
pub async fn append(agent: &Agent, partition: TopicPartition, batch: Batch) -> AppendOutcomes {
    append_by(agent, partition, batch, TransactionVersion::V2).await
}

/// As [`append`], by the rules of `version` if it is transactional.
pub async fn append_by(
    agent: &Agent,
    partition: TopicPartition,
    batch: Batch,
    version: TransactionVersion,
) -> AppendOutcomes {
    let permit = agent.produce.admit(batch.len()).await.expect("the agent does not drain");
    let transactional = batch.header().attributes.is_transactional().then_some(version);
    agent.produce.append(vec![PartitionAppend { partition, batch, transactional }], permit)
}

/// Appends one batch and waits for its outcome.
pub async fn produce(agent: &Agent, partition: TopicPartition, batch: Batch) -> Result<Ack, ProduceError> {
    append(agent, partition, batch).await.await.remove(0)
}

/// A fetch of one partition that does not wait.
pub async fn fetch(agent: &Agent, partition: TopicPartition, offset: i64) -> FetchedPartition {
    agent.fetch.fetch(plan(&[(partition, offset)])).await.remove(0)
}

/// A fetch that does not wait, with a byte budget for everything.
pub fn plan(partitions: &[(TopicPartition, i64)]) -> FetchPlan {
    let requested = |(partition, offset): &(TopicPartition, i64)| FetchPartition {
        partition: *partition,
        offset: Offset(*offset),
        max_bytes: 64 << 20,
    };
    FetchPlan {
        priority: TaskPriority::default(),
        min_bytes: 1,
        max_bytes: 64 << 20,
        max_wait: Duration::ZERO,
        read_committed: false,
        partitions: partitions.iter().map(requested).collect(),
    }
}

/// The records of an answer: offsets and values.
pub fn records(fetched: &FetchedPartition) -> Vec<(i64, String)> {
    let mut bytes = Bytes::from(fetched.records.concat());
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let batch = Batch::parse(&mut bytes).expect("answers are whole batches");
        batch.verify_crc().expect("re-basing keeps the checksum");
        for record in &batch.records(1 << 20).expect("records decompress") {
            let record = record.expect("records parse");
            let value = String::from_utf8(record.value.unwrap_or_default().to_vec()).expect("values are text");
            records.push((record.offset, value));
        }
    }
    records
}

/// Reads a partition from its start to its end, as a consumer does.
pub async fn read_all(agent: &Agent, partition: TopicPartition) -> Vec<(i64, String)> {
    let mut all: Vec<(i64, String)> = Vec::new();
    loop {
        let next = all.last().map_or(0, |(offset, _)| offset + 1);
        let fetched = fetch(agent, partition, next).await;
        assert_eq!(fetched.error, None);
        let new: Vec<_> = records(&fetched).into_iter().filter(|(offset, _)| *offset >= next).collect();
        if new.is_empty() {
            return all;
        }
        all.extend(new);
    }
}
