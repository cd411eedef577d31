//! The live agents that are advertised to clients, and which of them leads or coordinates what, at one moment.
//!
//! Owns: which agents are advertised (not those that drain, and not this one while it cannot reach the metastore,
//! unless no other is left), and that every leader and coordinator is one of them. Does not own: which agents are alive
//! (the session), or the placement of partitions and groups (`alluvium_model::placement`).

use std::collections::BTreeSet;
use std::sync::Arc;

use alluvium_metastore::nodes::{Endpoint, Node, NodeState, Session};
use alluvium_model::placement::{self, Candidate};
use alluvium_model::{AgentId, TopicPartition};

/// The advertised agents, at least one. An answer to a client is made from one value, so that it names no leader that
/// is missing in its list of agents.
#[derive(Clone, Debug)]
pub struct LiveAgents {
    this: Arc<Node>,
    live: Arc<[Node]>,
    /// The advertised agents, as candidates for placement.
    candidates: Vec<Candidate>,
}

/// What clients are told of the agents: equal values give equal responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedAgents {
    this: AgentId,
    candidates: Vec<Candidate>,
    endpoints: Vec<(AgentId, Option<Endpoint>, Option<Arc<str>>)>,
}

impl LiveAgents {
    /// The agents that `session` knows now.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self::new(session.node(), session.live(), session.is_valid())
    }

    /// Advertises agents of `live`; `is_valid` says whether the registration of `this` agent is still valid.
    #[must_use]
    pub fn new(this: Arc<Node>, live: Arc<[Node]>, is_valid: bool) -> Self {
        let serves = |node: &Node| node.state == NodeState::Active && (is_valid || node.id != this.id);
        let mut candidates: Vec<Candidate> =
            live.iter().filter(|node| serves(node)).filter_map(Node::candidate).collect();
        if candidates.is_empty() {
            candidates = live.iter().filter(|node| node.kafka.is_some()).map(candidate).collect();
        }
        if !candidates.is_empty() {
            return Self { this, live, candidates };
        }
        let (live, candidates) = ([Node::clone(&this)].into(), vec![candidate(&this)]);
        Self { this, live, candidates }
    }

    /// The advertised agents, ordered by id.
    pub fn agents(&self) -> impl Iterator<Item = &Node> {
        self.live.iter().filter(|node| self.is_advertised(node.id))
    }

    /// What clients are told of them.
    #[must_use]
    pub fn advertised(&self) -> AdvertisedAgents {
        let endpoints = self.agents().map(|node| (node.id, node.kafka.clone(), node.zone.clone())).collect();
        AdvertisedAgents { this: self.this.id, candidates: self.candidates.clone(), endpoints }
    }

    /// Whether there are advertised agents in `zone`. If there are none, its clients are told the same as those without
    /// a zone.
    #[must_use]
    pub fn serves_zone(&self, zone: &str) -> bool {
        self.candidates.iter().any(|candidate| candidate.zone.as_deref() == Some(zone))
    }

    /// The agent that leads `partition` for clients of `zone`.
    #[must_use]
    pub fn leader(&self, partition: TopicPartition, zone: Option<&str>) -> AgentId {
        placement::leader(partition, zone, &self.candidates).unwrap_or(self.this.id)
    }

    /// The agents that lead `partition`: first the leader for clients of `zone`, then that of each other zone, ordered
    /// by the name of the zone.
    #[must_use]
    pub fn replicas(&self, partition: TopicPartition, zone: Option<&str>) -> Vec<AgentId> {
        let mut replicas = vec![self.leader(partition, zone)];
        let zones: BTreeSet<&str> = self.candidates.iter().filter_map(|candidate| candidate.zone.as_deref()).collect();
        for leader in zones.into_iter().map(|zone| self.leader(partition, Some(zone))) {
            if !replicas.contains(&leader) {
                replicas.push(leader);
            }
        }
        replicas
    }

    /// Whether there are agents in `rack`, and this agent is not one of them.
    #[must_use]
    pub fn has_closer_agent(&self, rack: &str) -> bool {
        self.this.zone.as_deref() != Some(rack) && self.serves_zone(rack)
    }

    /// The agent that coordinates the group, or the transactional id, called `key`.
    #[must_use]
    pub fn coordinator(&self, key: &str) -> AgentId {
        placement::coordinator(key, &self.candidates).unwrap_or(self.this.id)
    }

    /// Whether this agent coordinates the group called `key`.
    #[must_use]
    pub fn is_coordinated_here(&self, key: &str) -> bool {
        self.coordinator(key) == self.this.id
    }

    /// The controller. Any agent can be it, so it is this one if it is advertised.
    #[must_use]
    pub fn controller(&self) -> AgentId {
        let first = self.candidates.first().map_or(self.this.id, |candidate| candidate.id);
        if self.is_advertised(self.this.id) { self.this.id } else { first }
    }

    /// The agent with this id, if it is advertised.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Node> {
        self.agents().find(|agent| agent.id == id)
    }

    fn is_advertised(&self, id: AgentId) -> bool {
        self.candidates.iter().any(|candidate| candidate.id == id)
    }
}

fn candidate(node: &Node) -> Candidate {
    Candidate { id: node.id, zone: node.zone.clone(), rank: node.rank }
}

#[cfg(test)]
pub(crate) mod tests {
    use alluvium_metastore::nodes::Incarnation;
    use alluvium_model::Timestamp;

    use super::*;

    /// A node in this state, with a Kafka listener or without.
    pub(crate) fn node(id: i32, state: NodeState, serves: bool) -> Node {
        Node {
            id: AgentId(id),
            incarnation: Incarnation(1),
            rank: id.unsigned_abs(),
            zone: None,
            kafka: serves.then(|| Endpoint { host: "host".to_owned(), port: 9092 }),
            http: None,
            compacts: true,
            version: String::new(),
            started: Timestamp(0),
            heartbeats: 1,
            clock: Timestamp(0),
            state,
        }
    }

    /// The agents that the first of `live` advertises. Checks that every leader and coordinator is one of them.
    fn advertised(live: &[Node], is_valid: bool) -> Vec<i32> {
        let live_agents = LiveAgents::new(Arc::new(live[0].clone()), live.into(), is_valid);
        for n in 0..50 {
            assert!(live_agents.agent(live_agents.coordinator(&n.to_string())).is_some());
            let partition =
                TopicPartition { partition: alluvium_model::PartitionIndex(n), ..TopicPartition::default() };
            assert!(live_agents.agent(live_agents.leader(partition, Some("nowhere"))).is_some());
        }
        assert!(live_agents.agent(live_agents.controller()).is_some());
        live_agents.agents().map(|agent| agent.id.0).collect()
    }

    #[test]
    fn agents_that_drain_and_those_that_serve_no_clients_are_not_advertised() {
        use NodeState::{Active, Draining};
        assert_eq!(advertised(&[node(0, Active, true), node(1, Draining, true), node(2, Active, false)], true), [0]);
        assert_eq!(advertised(&[node(0, Draining, true), node(1, Active, true)], true), [1]);
    }

    #[test]
    fn at_least_one_agent_is_always_advertised() {
        use NodeState::{Active, Draining};
        assert_eq!(advertised(&[node(0, Draining, true), node(1, Draining, true)], true), [0, 1]);
        assert_eq!(advertised(&[node(0, Active, true)], false), [0]);
        assert_eq!(advertised(&[node(0, Active, false)], true), [0]);
    }

    #[test]
    fn an_agent_whose_registration_is_not_valid_advertises_the_others() {
        use NodeState::Active;
        assert_eq!(advertised(&[node(0, Active, true), node(1, Active, true)], false), [1]);
    }
}
