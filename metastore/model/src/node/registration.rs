//! What a registration says.

use std::{fmt, sync::Arc};

use crate::{AgentId, Timestamp, placement::Candidate};

/// Where a listener is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A process that wants to be a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewNode {
    /// Its id, where it insists on one; `None`: the lowest that is free.
    pub id: Option<AgentId>,
    /// Its availability zone.
    pub zone: Option<String>,
    /// Where Kafka clients reach it; `None`: it serves none.
    pub kafka: Option<Endpoint>,
    /// Where HTTP clients and other agents reach it.
    pub http: Option<Endpoint>,
    /// Whether it compacts.
    pub compacts: bool,
    /// The version of its program.
    pub version: String,
}

/// One registration of a node: random, and never the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who leases something: a node, in one registration of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseOwner {
    /// The node.
    pub id: AgentId,
    /// Its registration.
    pub incarnation: Incarnation,
}

impl fmt::Display for LeaseOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({})", self.id, self.incarnation)
    }
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It serves.
    Active,
    /// It finishes what it has begun, and is no longer named to anybody.
    Draining,
}

/// A registered node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: AgentId,
    /// Its registration.
    pub incarnation: Incarnation,
    /// Its small number among the agents of its zone; 0 where it serves no Kafka clients.
    pub rank: u32,
    /// Its availability zone.
    pub zone: Option<Arc<str>>,
    /// Where Kafka clients reach it; `None`: it serves none.
    pub kafka: Option<Endpoint>,
    /// Where HTTP clients and other agents reach it.
    pub http: Option<Endpoint>,
    /// Whether it compacts.
    pub compacts: bool,
    /// The version of its program.
    pub version: String,
    /// When it registered, by its own clock.
    pub started: Timestamp,
    /// Grows with each heartbeat.
    pub beat: u64,
    /// When its last heartbeat was, by its own clock. To be shown, never compared.
    pub clock: Timestamp,
    /// Where it is in its life.
    pub state: NodeState,
}

impl Node {
    /// It, in this registration.
    #[must_use]
    pub fn lease_owner(&self) -> LeaseOwner {
        LeaseOwner { id: self.id, incarnation: self.incarnation }
    }

    /// Its candidate, where it is an agent that can be named to clients.
    #[must_use]
    pub fn candidate(&self) -> Option<Candidate> {
        let is_named = self.kafka.is_some() && self.state == NodeState::Active;
        is_named.then(|| Candidate { id: self.id, zone: self.zone.clone(), rank: self.rank })
    }
}
