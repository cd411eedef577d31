//! Which partitions and roles are this node's: rendezvous hashing over the live compactors that are not draining.
//! Partitions that may share history files go together, or each compactor would share only what it has of them.

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

impl AssignedWork {
    /// What is assigned to the node of `session`, by its current list of live nodes.
    pub(crate) fn of(session: &Session) -> Self {
        let is_compactor = |node: &&Node| node.compacts && node.state == NodeState::Active;
        let compactors = session.live().iter().filter(is_compactor).map(|node| node.id).collect();
        Self { own: session.node().id, compactors }
    }

    /// Whether this node rewrites `partition`.
    pub(crate) fn has_partition(&self, partition: TopicPartition) -> bool {
        let (topic, number) = plan::neighbourhood(partition);
        self.has(&[&topic.0.as_bytes()[..], &number.to_be_bytes()].concat())
    }

    /// Whether this node performs `role`.
    pub(crate) fn has_role(&self, role: MaintenanceRole) -> bool {
        self.has(&[role as u8])
    }

    fn has(&self, key: &[u8]) -> bool {
        placement::owner(key, &self.compactors).is_none_or(|owner| owner == self.own)
    }
}
