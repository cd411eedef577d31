//! Which partitions and roles are this node's: rendezvous hashing over the live compactors that are not draining.
//! Partitions that may share history files go together, or each compactor would share only what it has of them. Those
//! with so much data that they share none are assigned one by one, or a topic of a few would be one compactor's.

use alluvium_metastore::leases::MaintenanceRole;
use alluvium_metastore::nodes::{Node, NodeState, Session};
use alluvium_model::{AgentId, TopicPartition, placement};

use crate::plan;

/// The work assigned to one node among all compactors. Leases protect it while the nodes disagree about who is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssignedWork {
    own: AgentId,
    compactors: Vec<AgentId>,
}

/// By what a partition is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AssignedBy {
    /// By its neighbourhood, as it may share files.
    Neighbourhood,
    /// By itself.
    Partition,
    /// To both who have it by the one and by the other: whose it is has not compacted it for too long, perhaps because it
    /// does not know that the partition is large.
    Both,
}

impl AssignedWork {
    /// What is assigned to the node of `session`, by its current list of live nodes.
    pub(crate) fn of(session: &Session) -> Self {
        let is_compactor = |node: &&Node| node.compacts && node.state == NodeState::Active;
        let compactors = session.live().iter().filter(is_compactor).map(|node| node.id).collect();
        Self { own: session.node().id, compactors }
    }

    /// Whether this node rewrites `partition`, which is assigned `by` one or the other.
    pub(crate) fn has_partition(&self, partition: TopicPartition, by: AssignedBy) -> bool {
        let TopicPartition { topic, partition: number } = partition;
        let (_, neighbourhood) = plan::neighbourhood(partition);
        let has = |number: i32| self.has(&[&topic.0.as_bytes()[..], &number.to_be_bytes()].concat());
        match by {
            AssignedBy::Neighbourhood => has(neighbourhood),
            AssignedBy::Partition => has(number.0),
            AssignedBy::Both => has(neighbourhood) || has(number.0),
        }
    }

    /// Whether this node performs `role`.
    pub(crate) fn has_role(&self, role: MaintenanceRole) -> bool {
        self.has(&[role as u8])
    }

    fn has(&self, key: &[u8]) -> bool {
        placement::owner(key, &self.compactors).is_none_or(|owner| owner == self.own)
    }
}
