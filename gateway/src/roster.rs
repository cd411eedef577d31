//! Who serves what: the agents that clients are told of, as they are known at one moment.
//!
//! Owns: which agents are named (those that drain are not, unless all do), and that whoever is named as a leader or a
//! coordinator is among them. Does not own: who is alive (the session), where things go (`alluvium_model::placement`).

use std::sync::Arc;

use alluvium_metastore::nodes::{Node, NodeState, Session};
use alluvium_model::placement::{self, Seat};
use alluvium_model::{AgentId, TopicPartition};

/// The agents that clients are told of; one at least. An answer is made of one roster, so that it never names an agent that
/// it leaves out.
#[derive(Clone, Debug)]
pub struct Roster {
    this: Arc<Node>,
    agents: Vec<Node>,
    seats: Vec<Seat>,
}

impl Roster {
    /// As this process knows them now.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self::new(session.node(), &session.live())
    }

    /// `this` process, and all that live.
    #[must_use]
    pub fn new(this: Arc<Node>, live: &[Node]) -> Self {
        let is_agent = |node: &&Node| node.kafka.is_some();
        let is_named = |node: &&Node| is_agent(node) && node.state == NodeState::Active;
        let mut agents: Vec<Node> = live.iter().filter(is_named).cloned().collect();
        if agents.is_empty() {
            agents = live.iter().filter(is_agent).cloned().collect();
        }
        if agents.is_empty() {
            agents.push(Node::clone(&this));
        }
        let seat = |node: &Node| Seat { id: node.id, zone: node.zone.clone(), rank: node.rank };
        let seats = agents.iter().map(seat).collect();
        Self { this, agents, seats }
    }

    /// Its agents, by id.
    #[must_use]
    pub fn agents(&self) -> &[Node] {
        &self.agents
    }

    /// The agent that leads `partition` for clients of `zone`.
    #[must_use]
    pub fn leader(&self, partition: TopicPartition, zone: Option<&str>) -> AgentId {
        placement::leader(partition, zone, &self.seats).unwrap_or(self.this.id)
    }

    /// The agent that coordinates the group, or the transactional id, called `key`.
    #[must_use]
    pub fn coordinator(&self, key: &str) -> AgentId {
        placement::coordinator(key, &self.seats).unwrap_or(self.this.id)
    }

    /// Whether this agent coordinates the group called `key`.
    #[must_use]
    pub fn is_coordinated_here(&self, key: &str) -> bool {
        self.coordinator(key) == self.this.id
    }

    /// The agent that administrators are sent to: any will do, so this one where it is named.
    #[must_use]
    pub fn controller(&self) -> AgentId {
        let first = || self.agents.first().map(|agent| agent.id);
        self.agent(self.this.id).map(|agent| agent.id).or_else(first).unwrap_or(self.this.id)
    }

    /// The agent with this id, where it is named.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Node> {
        self.agents.iter().find(|agent| agent.id == id)
    }
}
