//! An agent with in-memory stores, listening on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use alluvium_gateway::agent::{Agent, AgentParts};
use alluvium_gateway::config::AgentConfig;
use alluvium_gateway::kafka::Listener;
use alluvium_gateway::peers::NoPeers;
use alluvium_metastore::nodes::{Endpoint, NewNode, Session, SessionConfig};
use alluvium_metastore::{Metastore, fixtures};
use alluvium_objects::{Objects, ObjectsConfig};
use alluvium_runtime::Tasks;
use alluvium_runtime::{SeededRng, SystemClock};
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, TIMEOUT};

/// The stores that several agents share.
#[derive(Clone)]
pub struct SharedStores {
    /// The metastore.
    pub metastore: Metastore,
    /// The object store.
    pub objects: Objects,
}

impl SharedStores {
    /// Empty stores in memory.
    pub async fn new() -> Self {
        Self { metastore: fixtures::memory().await, objects: Objects::memory(ObjectsConfig::default()) }
    }

    /// Agents in these zones, each of which knows all the others.
    pub async fn agents<const N: usize>(&self, zones: [Option<&str>; N]) -> [Server; N] {
        let mut servers = Vec::with_capacity(N);
        for zone in zones {
            servers.push(Server::over(self.clone(), zone, SessionConfig::default(), |_| {}).await);
        }
        for server in &servers {
            server.knows(N).await;
        }
        servers.try_into().ok().unwrap()
    }
}

/// A running agent. It stops when this is dropped.
pub struct Server {
    /// The agent.
    pub agent: Arc<Agent>,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Stops it.
    pub stop: CancellationToken,
}

impl Server {
    /// An agent with the default configuration, on stores of its own.
    pub async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    /// An agent whose configuration was changed by `adjust`.
    pub async fn configured(adjust: impl FnOnce(&mut AgentConfig)) -> Self {
        Self::over(SharedStores::new().await, None, SessionConfig::alone(), adjust).await
    }

    /// An agent on `stores`.
    pub async fn over(
        stores: SharedStores,
        zone: Option<&str>,
        session: SessionConfig,
        adjust: impl FnOnce(&mut AgentConfig),
    ) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let mut config = AgentConfig { linger: std::time::Duration::from_millis(5), ..AgentConfig::default() };
        adjust(&mut config);
        let SharedStores { metastore, objects } = stores;
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SeededRng::new(address.port().into())));
        let kafka = Some(Endpoint { host: "127.0.0.1".to_owned(), port: address.port() });
        let new = NewNode { zone: zone.map(str::to_owned), kafka, ..NewNode::default() };
        let session = Session::open(metastore.nodes.clone(), new, session, clock.clone(), rng.clone());
        let session = session.await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(session.clone().run(stop.clone()));
        let parts = AgentParts {
            metastore,
            objects,
            session,
            peers: Arc::new(NoPeers),
            clock,
            rng,
            tasks: Tasks::new(CancellationToken::new()),
        };
        let agent = Agent::start(config, parts).await.unwrap();
        tokio::spawn(listener.serve_kafka(Arc::clone(&agent), stop.clone()));
        Self { agent, address, stop }
    }

    /// Its broker id.
    pub fn id(&self) -> i32 {
        self.agent.session.node().id.0
    }

    /// Waits until it knows `agents` live agents.
    pub async fn knows(&self, agents: usize) {
        let mut changes = self.agent.session.changes();
        while self.agent.session.candidates().len() != agents {
            timeout(TIMEOUT, changes.changed()).await.expect("agents come and go in time").unwrap();
        }
    }

    /// A new connection to it.
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Creates a topic and returns its id.
    pub async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> uuid::Uuid {
        let configs = configs
            .iter()
            .map(|(name, value)| CreatableTopicConfig { name: (*name).into(), value: Some((*value).into()) })
            .collect();
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: -1,
            configs,
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        let response = self.client().await.call(7, &request).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::NONE, "{response:?}");
        response.topics[0].topic_id
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
