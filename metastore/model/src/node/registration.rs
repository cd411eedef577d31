//! What a registration contains.

use std::{fmt, sync::Arc, time::Duration};

use crate::{AgentId, CompactionLoad, Timestamp, limits, placement::Candidate};

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A host name or an IP address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// What a process registers itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// The id that it must have; `None`: the lowest that is free.
    pub id: Option<AgentId>,
    /// Its availability zone.
    pub zone: Option<String>,
    /// The address of its Kafka listener; `None` if it serves no Kafka clients.
    pub kafka: Option<Endpoint>,
    /// The address of its HTTP listener, for clients and other agents; `None` if it has none.
    pub http: Option<Endpoint>,
    /// Whether it runs a compactor.
    pub compacts: bool,
    /// The version of the program that it runs.
    pub version: String,
    /// How long it considers itself valid after the start of its last heartbeat.
    pub expiry: Duration,
}

impl Default for NewNode {
    fn default() -> Self {
        Self {
            id: None,
            zone: None,
            kafka: None,
            http: None,
            compacts: false,
            version: String::new(),
            expiry: limits::NODE_EXPIRY,
        }
    }
}

/// A random number that identifies one registration of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The owner of leases: one registration of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseOwner {
    /// The id of the node.
    pub id: AgentId,
    /// The registration.
    pub incarnation: Incarnation,
}

impl fmt::Display for LeaseOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({})", self.id, self.incarnation)
    }
}

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It serves clients.
    Active,
    /// It finishes what it has begun; clients are no longer sent to it.
    Draining,
    /// It cannot use the bucket; clients are sent to it only if no agent can.
    Degraded,
}

/// A registered node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: AgentId,
    /// The registration.
    pub incarnation: Incarnation,
    /// The lowest number that no other agent of its zone had when it registered; 0 if it serves no Kafka clients.
    pub rank: u32,
    /// Its availability zone.
    pub zone: Option<Arc<str>>,
    /// The address of its Kafka listener; `None` if it serves no Kafka clients.
    pub kafka: Option<Endpoint>,
    /// The address of its HTTP listener, for clients and other agents; `None` if it has none.
    pub http: Option<Endpoint>,
    /// Whether it runs a compactor.
    pub compacts: bool,
    /// The version of the program that it runs.
    pub version: String,
    /// The time at which it registered, ms, by its own clock.
    pub started: Timestamp,
    /// Number of heartbeats that it has sent: grows by one with each.
    pub heartbeats: u64,
    /// The time of its last heartbeat, ms, by its own clock. For display only: it is never compared.
    pub clock: Timestamp,
    /// Its state, as of its last heartbeat.
    pub state: NodeState,
    /// How long it considers itself valid after the start of its last heartbeat. Nobody considers it failed before: so
    /// nodes that were started with different expiries agree.
    pub expiry: Duration,
    /// What its compactor has to do, as of its last heartbeat; nothing if it runs none.
    pub compaction: CompactionLoad,
}

impl Node {
    /// This registration as an owner of leases.
    #[must_use]
    pub fn lease_owner(&self) -> LeaseOwner {
        LeaseOwner { id: self.id, incarnation: self.incarnation }
    }

    /// The node as a candidate for placement, if it is an agent that clients can be sent to.
    #[must_use]
    pub fn candidate(&self) -> Option<Candidate> {
        let is_advertised = self.kafka.is_some() && self.state == NodeState::Active;
        is_advertised.then(|| Candidate { id: self.id, zone: self.zone.clone(), rank: self.rank })
    }
}
