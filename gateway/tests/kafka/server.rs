//! An agent in memory, listening on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use alluvium_gateway::agent::{Agent, AgentConfig, AgentParts, Tasks};
use alluvium_gateway::kafka::Listener;
use alluvium_metastore::ambient::{SeededEntropy, SystemClock};
use alluvium_metastore::fixtures;
use alluvium_objects::Objects;
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use tokio_util::sync::CancellationToken;

use crate::client::Client;

/// A running agent. It stops when this is dropped.
pub struct Server {
    pub agent: Arc<Agent>,
    pub address: SocketAddr,
    pub stop: CancellationToken,
}

impl Server {
    pub async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    /// With a configuration that `adjust` has changed.
    pub async fn configured(adjust: impl FnOnce(&mut AgentConfig)) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.address();
        let mut config = AgentConfig {
            advertised_port: address.port(),
            linger: std::time::Duration::from_millis(5),
            ..AgentConfig::default()
        };
        adjust(&mut config);
        let parts = AgentParts {
            metastore: fixtures::memory().await,
            objects: Objects::memory(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SeededEntropy::new(7)),
            tasks: Tasks::new(CancellationToken::new()),
        };
        let agent = Agent::start(config, parts).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve_kafka(Arc::clone(&agent), stop.clone()));
        Self { agent, address, stop }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Creates a topic and tells its id.
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
