//! The live agents that are advertised to clients, and which of them leads or coordinates what, at one moment.
//!
//! Owns: which agents are advertised (not those that drain or are degraded, and not this one while it cannot reach the
//! metastore, unless no other is left), and that every leader and coordinator is one of them. Does not own: which
//! agents are alive (the session), or the placement of partitions and groups (`alluvium_model::placement`).

use std::collections::BTreeSet;
use std::sync::Arc;

use alluvium_metastore::nodes::{Endpoint, LeaseOwner, Node, NodeState, Session};
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
    /// The same with those that have probably died: until it has expired, nobody can take over the groups of such an
    /// agent.
    coordinators: Vec<Candidate>,
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
        Self::new(session.node(), session.live(), session.is_valid(), &session.suspects())
    }

    /// Advertises agents of `live`; `is_valid` says whether the registration of `this` agent is still valid, `suspects`
    /// which of the others have probably died.
    #[must_use]
    pub fn new(this: Arc<Node>, live: Arc<[Node]>, is_valid: bool, suspects: &BTreeSet<LeaseOwner>) -> Self {
        let own = this.id;
        let is_registered = |node: &Node| is_valid || node.id != own;
        // If no agent is fit, all say the same: a degraded one stays, while one that drains will be gone soon.
        let preferences: [&dyn Fn(&Node) -> bool; 3] = [
            &|node| node.state == NodeState::Active && is_registered(node),
            &|node| node.state == NodeState::Degraded && is_registered(node),
            &|_| true,
        ];
        for is_preferred in preferences {
            let agents = live.iter().filter(|node| node.kafka.is_some() && is_preferred(node));
            let agents: Vec<&Node> = agents.collect();
            if agents.is_empty() {
                continue;
            }
            let coordinators: Vec<Candidate> = agents.iter().copied().map(candidate).collect();
            let trusted = agents.into_iter().filter(|node| !suspects.contains(&node.lease_owner()));
            let mut candidates: Vec<Candidate> = trusted.map(candidate).collect();
            if candidates.is_empty() {
                candidates.clone_from(&coordinators);
            }
            return Self { this, live, candidates, coordinators };
        }
        let (live, candidates) = ([Node::clone(&this)].into(), vec![candidate(&this)]);
        Self { this, live, coordinators: candidates.clone(), candidates }
    }

    /// Whether this agent is degraded, and there are others that clients are sent to instead.
    #[must_use]
    pub fn replace_degraded(&self) -> bool {
        self.this.state == NodeState::Degraded && !self.is_advertised(self.this.id)
    }

    /// The advertised agents, ordered by id.
    pub fn agents(&self) -> impl Iterator<Item = &Node> {
        self.live.iter().filter(|node| self.is_advertised(node.id))
    }

    /// The advertised agents and those that have probably died, ordered by id: what Metadata lists, as Kafka lists a broker
    /// until its session has expired. A client that is told at once that a broker is gone may wait for it for good:
    /// librdkafka does in the middle of a transaction whose offsets go to that broker (its issue 5511).
    pub fn listed(&self) -> impl Iterator<Item = &Node> {
        self.live.iter().filter(|node| self.coordinators.iter().any(|candidate| candidate.id == node.id))
    }

    /// What clients are told of them.
    #[must_use]
    pub fn advertised(&self) -> AdvertisedAgents {
        let endpoints = self.listed().map(|node| (node.id, node.kafka.clone(), node.zone.clone())).collect();
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

    /// The agent that coordinates the group, or the transactional id, called `key`. It is not advertised if it has
    /// probably died.
    #[must_use]
    pub fn coordinator(&self, key: &str) -> AgentId {
        placement::coordinator(key, &self.coordinators).unwrap_or(self.this.id)
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
            expiry: alluvium_model::limits::NODE_EXPIRY,
            compaction: alluvium_model::CompactionLoad::default(),
        }
    }

    /// The agents that the first of `live` advertises. Checks that every leader and coordinator is one of them.
    fn advertised(live: &[Node], is_valid: bool) -> Vec<i32> {
        let live_agents = LiveAgents::new(Arc::new(live[0].clone()), live.into(), is_valid, &BTreeSet::new());
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
    fn degraded_agents_are_advertised_only_if_no_agent_is_fit() {
        use NodeState::{Active, Degraded, Draining};
        assert_eq!(advertised(&[node(0, Degraded, true), node(1, Active, true)], true), [1]);
        assert_eq!(advertised(&[node(0, Active, true), node(1, Degraded, true)], true), [0]);
        let none_fit = [node(0, Degraded, true), node(1, Degraded, true), node(2, Draining, true)];
        assert_eq!(advertised(&none_fit, true), [0, 1]);
        let [first, _, draining] = none_fit;
        assert_eq!(advertised(&[draining, first], true), [0], "as every other agent says");
    }

    #[test]
    fn a_degraded_agent_is_replaced_by_others_and_by_nobody_if_there_are_none() {
        use NodeState::{Active, Degraded, Draining};
        let replaced = |own: NodeState, others: &[Node]| {
            let this = node(0, own, true);
            let live = [std::slice::from_ref(&this), others].concat();
            LiveAgents::new(Arc::new(this), live.into(), true, &BTreeSet::new()).replace_degraded()
        };
        assert!(replaced(Degraded, &[node(1, Active, true)]));
        assert!(!replaced(Degraded, &[]));
        assert!(!replaced(Degraded, &[node(1, Degraded, true), node(2, Active, false)]));
        assert!(!replaced(Draining, &[node(1, Active, true)]), "it still serves every request");
    }

    #[test]
    fn at_least_one_agent_is_always_advertised() {
        use NodeState::{Active, Draining};
        assert_eq!(advertised(&[node(0, Draining, true), node(1, Draining, true)], true), [0, 1]);
        assert_eq!(advertised(&[node(0, Active, true)], false), [0]);
        assert_eq!(advertised(&[node(0, Active, false)], true), [0]);
    }

    #[test]
    fn an_agent_that_has_probably_died_leads_nothing_and_its_groups_wait_for_its_end() {
        let live = [0, 1, 2].map(|id| node(id, NodeState::Active, true));
        let suspects = [live[1].lease_owner()].into();
        let of = |suspects: &BTreeSet<LeaseOwner>| {
            LiveAgents::new(Arc::new(live[0].clone()), live.clone().into(), true, suspects)
        };
        let (before, after) = (of(&BTreeSet::new()), of(&suspects));
        assert_eq!(after.agents().map(|agent| agent.id.0).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(after.listed().map(|agent| agent.id.0).collect::<Vec<_>>(), [0, 1, 2]);
        let groups = || (0..50).map(|n| n.to_string());
        assert!(groups().all(|group| before.coordinator(&group) == after.coordinator(&group)));
        assert!(groups().any(|group| after.agent(after.coordinator(&group)).is_none()), "nobody is named for these");
        let all = live.iter().map(Node::lease_owner).collect();
        assert_eq!(of(&all).agents().count(), 3, "somebody is always advertised");
    }

    #[test]
    fn an_agent_whose_registration_is_not_valid_advertises_the_others() {
        use NodeState::Active;
        assert_eq!(advertised(&[node(0, Active, true), node(1, Active, true)], false), [1]);
    }
}
