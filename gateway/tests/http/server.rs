//! An agent in memory, listening on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alluvium_gateway::agent::{Agent, AgentParts};
use alluvium_gateway::config::AgentConfig;
use alluvium_gateway::http::Listener;
use alluvium_gateway::metrics::{Metric, MetricSource, Sample, read_all};
use alluvium_gateway::peers::NoPeers;
use alluvium_gateway::topic_creation::{create, new_topic};
use alluvium_metastore::{Metastore, fixtures};
use alluvium_model::TopicPartition;
use alluvium_objects::faults::{FaultStore, Faults};
use alluvium_objects::{Objects, ObjectsConfig, RetryPolicy};
use alluvium_runtime::{Clock, SeededRng, SystemClock, Tasks};
use object_store::memory::InMemory;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, JSON, get, post};

/// A running agent. It stops when this is dropped.
pub struct Server {
    pub agent: Arc<Agent>,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub faults: Faults,
    pub serving: JoinHandle<()>,
}

/// A component outside the gateway that has metrics.
struct Compactor;

const COMPACTOR: &[Metric<Compactor>] =
    &[Metric::gauge("compaction_lag_bytes", "bytes", "Bytes not yet in history", |_| 4_711)];

impl MetricSource for Compactor {
    fn samples(&self) -> Vec<Sample> {
        read_all(COMPACTOR, self)
    }
}

impl Server {
    /// Starts an agent with the default configuration on stores in memory.
    pub async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    /// Starts an agent whose configuration `adjust` has changed.
    pub async fn configured(adjust: impl FnOnce(&mut AgentConfig)) -> Self {
        Self::over(fixtures::memory().await, adjust).await
    }

    /// Starts an agent on `metastore`, with a configuration that `adjust` has changed.
    pub async fn over(metastore: Metastore, adjust: impl FnOnce(&mut AgentConfig)) -> Self {
        Self::with_clock(metastore, Arc::new(SystemClock), adjust).await
    }

    /// The same, with `clock`.
    pub async fn with_clock(
        metastore: Metastore,
        clock: Arc<dyn Clock>,
        adjust: impl FnOnce(&mut AgentConfig),
    ) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let mut config = AgentConfig { linger: Duration::from_millis(5), ..AgentConfig::default() };
        adjust(&mut config);
        let (store, faults) = FaultStore::new(Arc::new(InMemory::new()));
        let once = RetryPolicy { tries: 1, ..RetryPolicy::default() };
        let objects = ObjectsConfig { retry: once, hedge_after: None, ..ObjectsConfig::default() };
        let parts = AgentParts {
            session: fixtures::alone(&metastore).await,
            peers: Arc::new(NoPeers),
            metastore,
            objects: Objects::new(Arc::new(store), "", objects),
            clock,
            rng: Arc::new(SeededRng::new(7)),
            tasks: Tasks::new(CancellationToken::new()),
        };
        let agent = Agent::start(config, parts).await.unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(listener.serve_http(Arc::clone(&agent), vec![Box::new(Compactor)], stop.clone()));
        Self { agent, address, stop, faults, serving }
    }

    /// Creates a topic and returns its partitions.
    pub async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Vec<TopicPartition> {
        let configs: BTreeMap<String, String> =
            configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let topic = new_topic(&self.agent, name, (partitions, 1), configs);
        create(&self.agent, topic).await.unwrap().topic.all_partitions().collect()
    }

    /// Requests `path` with GET.
    pub async fn get(&self, path: &str) -> Answer {
        get(self.address, path).await
    }

    /// Posts records in the format `json`.
    pub async fn post_json(&self, path: &str, body: &str) -> Answer {
        post(self.address, path, JSON, body).await
    }

    /// The records of a partition, read over HTTP.
    pub async fn records(&self, topic: &str, partition: i32) -> Vec<Value> {
        let answer = self.get(&format!("/topics/{topic}/partitions/{partition}/records")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json().as_array().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.agent.tasks.cancelled().cancel();
    }
}
