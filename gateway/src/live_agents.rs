//! Who serves what: the agents that clients are told of, as they are known at one moment.
//!
//! Owns: which agents are named (those that drain are not, nor this one while it cannot reach the metastore, unless nobody
//! else is left), and that whoever is named as a leader or a coordinator is among them. Does not own: who is alive (the
//! session), where things go (`alluvium_model::placement`).

use std::collections::BTreeSet;
use std::sync::Arc;

use alluvium_metastore::nodes::{Node, NodeState, Session};
use alluvium_model::placement::{self, Candidate};
use alluvium_model::{AgentId, TopicPartition};

/// The agents that clients are told of; one at least. An answer is made of one live_agents, so that it never names an agent that
/// it leaves out.
#[derive(Clone, Debug)]
pub struct LiveAgents {
    this: Arc<Node>,
    live: Arc<[Node]>,
    candidates: Vec<Candidate>,
}

impl LiveAgents {
    /// As this process knows them now.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self::new(session.node(), session.live(), session.is_valid())
    }

    /// Of `this` process, and all that live; `is_valid`: this process has been heard of in time.
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

    /// Its agents, by id.
    pub fn agents(&self) -> impl Iterator<Item = &Node> {
        self.live.iter().filter(|node| self.is_named(node.id))
    }

    /// The agent that leads `partition` for clients of `zone`.
    #[must_use]
    pub fn leader(&self, partition: TopicPartition, zone: Option<&str>) -> AgentId {
        placement::leader(partition, zone, &self.candidates).unwrap_or(self.this.id)
    }

    /// All agents that lead `partition`: first that for clients of `zone`, then those for each other zone, by its name.
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

    /// Whether clients in `rack` have agents of their own, and this is none of them.
    #[must_use]
    pub fn is_far_from(&self, rack: &str) -> bool {
        self.this.zone.as_deref() != Some(rack)
            && self.candidates.iter().any(|candidate| candidate.zone.as_deref() == Some(rack))
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

    /// The agent that administrators are sent to: any will do, so this one where it is named.
    #[must_use]
    pub fn controller(&self) -> AgentId {
        let first = self.candidates.first().map_or(self.this.id, |candidate| candidate.id);
        if self.is_named(self.this.id) { self.this.id } else { first }
    }

    /// The agent with this id, where it is named.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&Node> {
        self.agents().find(|agent| agent.id == id)
    }

    fn is_named(&self, id: AgentId) -> bool {
        self.candidates.iter().any(|candidate| candidate.id == id)
    }
}

fn candidate(node: &Node) -> Candidate {
    Candidate { id: node.id, zone: node.zone.clone(), rank: node.rank }
}

#[cfg(test)]
mod tests {
    use alluvium_metastore::nodes::{Endpoint, Incarnation};
    use alluvium_model::Timestamp;

    use super::*;

    fn node(id: i32, state: NodeState, serves: bool) -> Node {
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

    /// Who is named by the first of `live`; whoever leads or coordinates anything is among them.
    fn named(live: &[Node], is_valid: bool) -> Vec<i32> {
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
    fn agents_that_drain_and_those_that_serve_no_clients_are_not_named() {
        use NodeState::{Active, Draining};
        assert_eq!(named(&[node(0, Active, true), node(1, Draining, true), node(2, Active, false)], true), [0]);
        assert_eq!(named(&[node(0, Draining, true), node(1, Active, true)], true), [1]);
    }

    #[test]
    fn somebody_is_always_named() {
        use NodeState::{Active, Draining};
        assert_eq!(named(&[node(0, Draining, true), node(1, Draining, true)], true), [0, 1]);
        assert_eq!(named(&[node(0, Active, true)], false), [0]);
        assert_eq!(named(&[node(0, Active, false)], true), [0]);
    }

    #[test]
    fn an_agent_that_was_not_heard_of_in_time_names_the_others() {
        use NodeState::Active;
        assert_eq!(named(&[node(0, Active, true), node(1, Active, true)], false), [1]);
    }
}
