//! What clients are told of who serves what: the live agents, one of which leads each partition, in one epoch for ever.
//!
//! Any agent serves any partition, so leadership is advice, and the epoch never changes: clients would have to validate
//! their positions each time it grew, and distrust each answer with a lower one.

use alluvium_metastore::nodes;
use alluvium_model::placement::client_zone;
use alluvium_model::{AgentId, TopicPartition};
use alluvium_wire::ErrorCode;

use super::dispatch::Context;
use super::errors::Refused;
use crate::live_agents::LiveAgents;

/// The epoch of every leader, in every answer that has one.
pub const LEADER_EPOCH: i32 = 0;
/// What everyone may do with a topic: read, write, create, delete, alter, describe, describe configs, alter configs (bits
/// numbered by Kafka's `AclOperation`).
pub const TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// What everyone may do with the cluster: create, alter, describe, cluster action, describe configs, alter configs,
/// idempotent write.
pub const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// Where an agent is, as clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

/// Who serves what for one client, at one moment.
pub struct Topology<'a> {
    live_agents: LiveAgents,
    zone: Option<&'a str>,
}

impl<'a> Topology<'a> {
    /// As the agent knows it now, for the client of this request.
    pub fn of(context: &'a Context) -> Self {
        let zone = client_zone(None, context.client_id.as_deref());
        Self { live_agents: LiveAgents::of(&context.agent.session), zone }
    }

    /// All agents that clients are told of.
    pub fn nodes(&self) -> Vec<Node> {
        self.live_agents.agents().map(node).collect()
    }

    /// The agent that clients of this zone produce to and consume from; always one of [`Self::nodes`].
    pub fn leader(&self, partition: TopicPartition) -> i32 {
        self.live_agents.leader(partition, self.zone).0
    }

    /// [`Self::leader`], then those that lead for other zones. Consumers follow a preferred replica only if it is told here.
    pub fn replicas(&self, partition: TopicPartition) -> Vec<i32> {
        self.live_agents.replicas(partition, self.zone).into_iter().map(|id| id.0).collect()
    }

    /// The agent that administrators are sent to.
    pub fn controller(&self) -> i32 {
        self.live_agents.controller().0
    }

    /// The agent that coordinates the group, or the transactional id, called `key`.
    pub fn coordinator(&self, key: &str) -> Option<Node> {
        self.agent(self.live_agents.coordinator(key))
    }

    fn agent(&self, id: AgentId) -> Option<Node> {
        self.live_agents.agent(id).map(node)
    }
}

fn node(node: &nodes::Node) -> Node {
    let (host, port) = node.kafka.as_ref().map_or((String::new(), 0), |kafka| (kafka.host.clone(), kafka.port));
    Node { id: node.id.0, host, port: port.into(), rack: node.zone.as_deref().map(str::to_owned) }
}

/// Whether the epoch that a client knows is the one there is. (-1: it knows none.)
pub fn check_epoch(epoch: i32) -> Result<(), Refused> {
    match epoch {
        -1 | LEADER_EPOCH => Ok(()),
        older if older < LEADER_EPOCH => {
            Err(Refused::new(ErrorCode::FENCED_LEADER_EPOCH, "this leader epoch is no longer"))
        }
        _ => Err(Refused::new(ErrorCode::UNKNOWN_LEADER_EPOCH, "this leader epoch never was")),
    }
}
