//! What clients are told of who serves what: one agent that leads everything, in one epoch for ever.
//!
//! Any agent serves any partition, so leadership is advice, and the epoch never changes: clients would have to validate
//! their positions each time it grew, and distrust each answer with a lower one.

use alluvium_wire::ErrorCode;

use super::errors::Refused;
use crate::agent::Agent;

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

/// All agents; the first is also the controller, and the leader of every partition.
pub fn nodes(agent: &Agent) -> Vec<Node> {
    vec![this(agent)]
}

/// The agent itself.
pub fn this(agent: &Agent) -> Node {
    let config = &agent.config;
    Node {
        id: config.node_id.0,
        host: config.advertised_host.clone(),
        port: i32::from(config.advertised_port),
        rack: config.rack.clone(),
    }
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
