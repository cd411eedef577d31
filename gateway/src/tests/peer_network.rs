//! Fixtures: agents of several zones that ask each other for blocks, over a network that can fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluvium_metastore::nodes::{Endpoint, NewNode, Session, SessionConfig};
use alluvium_model::{ObjectId, Offset, TopicPartition, object_key};
use alluvium_runtime::Tasks;
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::compaction::compact;
use super::world::{World, append, batch, produce, read_all, wait_for_nodes};
use crate::agent::{Agent, AgentParts};
use crate::config::AgentConfig;
use crate::peers::{BlockName, PeerBlocks, PeerError};

/// Partitions that [`write_segments`] writes to.
const PARTITIONS: i32 = 20;
/// Records that [`write_segments`] writes to each partition.
pub const ROUNDS: u64 = 5;

/// How an agent answers requests for blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Sends the block at once.
    Healthy,
    /// Sends the block after this time.
    Slow(Duration),
    /// Does not answer: the connection is refused.
    Unreachable,
    /// Sends a block with one bit flipped.
    Corrupts,
    /// Sends the first half of a block.
    Truncates,
}

/// Agents by the port that each is registered with.
type AgentsByPort = BTreeMap<u16, (Arc<Agent>, Behaviour)>;

/// The network between the agents. Counts the requests.
#[derive(Clone, Default)]
pub struct PeerNetwork {
    agents: Arc<Mutex<AgentsByPort>>,
    requests: Arc<AtomicU64>,
}

impl PeerNetwork {
    fn add(&self, port: u16, agent: &Arc<Agent>) {
        self.agents.lock().unwrap().insert(port, (Arc::clone(agent), Behaviour::Healthy));
    }

    /// Sets how all agents answer from now on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.agents.lock().unwrap().values_mut().for_each(|(_, current)| *current = behaviour);
    }

    /// Requests for blocks so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl PeerBlocks for PeerNetwork {
    async fn fetch(&self, peer: &Endpoint, block: &BlockName) -> Result<Bytes, PeerError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (agent, behaviour) = self.agents.lock().unwrap().get(&peer.port).cloned().expect("owners are registered");
        match behaviour {
            Behaviour::Unreachable => return Err(PeerError::Unreachable("connection refused".to_owned())),
            Behaviour::Slow(by) => tokio::time::sleep(by).await,
            Behaviour::Healthy | Behaviour::Corrupts | Behaviour::Truncates => {}
        }
        let bytes = agent.fetch.serve_block(block).await?.bytes;
        Ok(match behaviour {
            Behaviour::Corrupts => {
                let mut corrupt = bytes.to_vec();
                let middle = corrupt.len() / 2;
                corrupt[middle] ^= 1;
                corrupt.into()
            }
            Behaviour::Truncates => bytes.slice(..bytes.len() / 2),
            Behaviour::Healthy | Behaviour::Slow(_) | Behaviour::Unreachable => bytes,
        })
    }
}

/// Starts an agent in `zone` that listens for HTTP at `http` and asks others through `peers`.
pub async fn agent(world: &World, zone: &str, http: Endpoint, peers: Arc<dyn PeerBlocks>) -> Arc<Agent> {
    let new = NewNode {
        zone: Some(zone.to_owned()),
        kafka: Some(Endpoint { host: "127.0.0.1".to_owned(), port: 9092 }),
        http: Some(http),
        ..NewNode::default()
    };
    let (clock, rng) = (Arc::clone(&world.clock), Arc::clone(&world.rng));
    let opened = Session::open(world.metastore.nodes.clone(), new, SessionConfig::default(), clock, rng);
    let session = opened.await.expect("the metastore answers");
    let tasks = Tasks::new(CancellationToken::new());
    tasks.spawn("session", session.clone().run(tasks.cancelled()));
    let parts = AgentParts {
        metastore: world.metastore.clone(),
        objects: world.objects.clone(),
        session,
        peers,
        clock: Arc::clone(&world.clock),
        rng: Arc::clone(&world.rng),
        tasks,
    };
    Agent::start(AgentConfig::default(), parts).await.expect("the metastore answers")
}

/// Starts one agent for each of `zones`, and waits until they know each other.
pub async fn agents(world: &World, zones: &[&str]) -> (PeerNetwork, Vec<Arc<Agent>>) {
    let network = PeerNetwork::default();
    let mut agents = Vec::new();
    for (port, zone) in (1..).zip(zones) {
        let http = Endpoint { host: "agent".to_owned(), port };
        let agent = agent(world, zone, http, Arc::new(network.clone())).await;
        network.add(port, &agent);
        agents.push(agent);
    }
    for agent in &agents {
        wait_for_nodes(agent, zones.len()).await;
    }
    (network, agents)
}

/// `writer` writes some segments, each with all partitions. Returns the number of segments, and the partitions.
pub async fn write_segments(world: &World, writer: &Agent) -> (u64, Vec<TopicPartition>) {
    let partitions = world.topic("orders", PARTITIONS).await;
    let puts = world.objects.usage().totals().puts;
    for round in 0..ROUNDS {
        let value = format!("round {round}");
        let mut outcomes = Vec::new();
        for partition in &partitions {
            outcomes.push(append(writer, *partition, batch(&[&value])).await);
        }
        assert!(join_all(outcomes).await.iter().flatten().all(Result::is_ok));
    }
    (world.objects.usage().totals().puts - puts, partitions)
}

/// GETs of the object store so far.
pub fn gets(world: &World) -> u64 {
    world.objects.usage().totals().gets
}

/// All agents read all partitions at the same time and get what was written.
pub async fn all_read(agents: &[Arc<Agent>], partitions: &[TopicPartition]) {
    let expected: Vec<(i64, String)> = (0..).zip((0..ROUNDS).map(|round| format!("round {round}"))).collect();
    let pairs = agents.iter().flat_map(|agent| partitions.iter().map(move |partition| (agent, *partition)));
    let reads = pairs.map(|(agent, partition)| async move {
        agent.metadata_cache.sync().await.expect("the metastore answers");
        read_all(agent, partition).await
    });
    assert!(join_all(reads).await.iter().all(|read| *read == expected));
}

/// Records of [`history`].
const HISTORY_RECORDS: usize = 1_000;

/// A partition whose records are all in one history file that is in the metadata caches of all `agents`.
pub async fn history(world: &World, agents: &[Arc<Agent>]) -> TopicPartition {
    let partition = world.topic("orders", 1).await[0];
    produce(&agents[0], partition, batch(&["x"; HISTORY_RECORDS])).await.expect("acknowledged");
    compact_orders(world, agents, partition).await;
    partition
}

/// Compacts all extents of `partition`, and brings the metadata caches of `agents` up to date.
async fn compact_orders(world: &World, agents: &[Arc<Agent>], partition: TopicPartition) -> u64 {
    let bytes = compact(world, partition, 1_000, |offset| format!("value {offset}")).await;
    for agent in agents {
        agent.metadata_cache.sync().await.expect("the metastore answers");
    }
    bytes
}

/// Reads what [`history`] wrote, and checks it.
pub async fn reads_history(agent: &Agent, partition: TopicPartition) {
    let expected = (0..).map(|offset| (offset, format!("value {offset}"))).take(HISTORY_RECORDS);
    assert!(read_all(agent, partition).await.into_iter().eq(expected));
}

/// The first history file of a partition: its object, key and size in bytes.
pub async fn file(world: &World, partition: TopicPartition) -> (ObjectId, String, u64) {
    let extent = world.metastore.log.find(partition, Offset(0), 1).await.expect("found").remove(0);
    (extent.object, object_key::of_extent("orders", partition, &extent), extent.file_bytes())
}
