//! The cluster as clients see it: the live agents, one of which is named as the leader of each partition.
//!
//! Any agent serves any partition, so leadership is only a hint to clients, and the leader epoch never changes: clients
//! would have to validate their positions each time it grew, and distrust each response with a lower one.

use alluvium_metastore::nodes;
use alluvium_model::limits::LEADER_EPOCH;
use alluvium_model::placement::client_zone;
use alluvium_model::{AgentId, TopicPartition};
use alluvium_wire::ErrorCode;

use super::errors::ApiError;
use super::handler::Context;
use crate::live_agents::{AdvertisedAgents, LiveAgents};

/// The operations that every client may do with a topic: read, write, create, delete, alter, describe, describe
/// configs, alter configs (bits numbered by Kafka's `AclOperation`).
pub const TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// The operations that every client may do with the cluster: create, alter, describe, cluster action, describe configs,
/// alter configs, idempotent write.
pub const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// An agent in Kafka's terms, as Metadata and FindCoordinator name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// The agent's id (Kafka's broker id).
    pub id: i32,
    /// The host that clients connect to.
    pub host: String,
    /// The port that clients connect to.
    pub port: i32,
    /// The agent's zone.
    pub rack: Option<String>,
}

/// The live agents and leaders as one client sees them, at one moment.
pub struct Topology<'a> {
    live_agents: LiveAgents,
    zone: Option<&'a str>,
}

impl<'a> Topology<'a> {
    /// The topology as this agent knows it now, for the client of this request.
    pub fn of(context: &'a Context) -> Self {
        let zone = client_zone(None, context.client_id.as_deref());
        Self { live_agents: LiveAgents::of(&context.agent.session), zone }
    }

    /// The zone of the client, if there are agents in it: only then it makes a difference.
    pub fn served_zone(&self) -> Option<&'a str> {
        self.zone.filter(|zone| self.live_agents.serves_zone(zone))
    }

    /// What clients are told of the agents.
    pub fn advertised(&self) -> AdvertisedAgents {
        self.live_agents.advertised()
    }

    /// All agents that clients are told of; some of them may have died, and lead and coordinate nothing.
    pub fn brokers(&self) -> Vec<Broker> {
        self.live_agents.listed().map(broker).collect()
    }

    /// The agent that clients of this zone produce to and consume from; always one of [`Self::brokers`].
    pub fn leader(&self, partition: TopicPartition) -> i32 {
        self.live_agents.leader(partition, self.zone).0
    }

    /// [`Self::leader`], then those that lead for other zones. Consumers follow a preferred replica only if it is one
    /// of these.
    pub fn replicas(&self, partition: TopicPartition) -> Vec<i32> {
        self.live_agents.replicas(partition, self.zone).into_iter().map(|id| id.0).collect()
    }

    /// The agent that is named as the controller.
    pub fn controller(&self) -> i32 {
        self.live_agents.controller().0
    }

    /// The agent that coordinates the group, or the transactional id, called `key`.
    pub fn coordinator(&self, key: &str) -> Option<Broker> {
        self.broker_of(self.live_agents.coordinator(key))
    }

    fn broker_of(&self, id: AgentId) -> Option<Broker> {
        self.live_agents.agent(id).map(broker)
    }
}

fn broker(node: &nodes::Node) -> Broker {
    let (host, port) = node.kafka.as_ref().map_or((String::new(), 0), |kafka| (kafka.host.clone(), kafka.port));
    Broker { id: node.id.0, host, port: port.into(), rack: node.zone.as_deref().map(str::to_owned) }
}

/// Checks the leader epoch that a client knows against the only one there is. (-1: it knows none.)
pub fn check_epoch(epoch: i32) -> Result<(), ApiError> {
    match epoch {
        -1 | LEADER_EPOCH => Ok(()),
        older if older < LEADER_EPOCH => {
            Err(ApiError::new(ErrorCode::FENCED_LEADER_EPOCH, "this leader epoch is no longer"))
        }
        _ => Err(ApiError::new(ErrorCode::UNKNOWN_LEADER_EPOCH, "this leader epoch never was")),
    }
}
