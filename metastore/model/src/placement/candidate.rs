//! Candidates: the agents that clients can be sent to.

use std::sync::Arc;

use crate::AgentId;

/// An agent that clients can be sent to. Draining agents are no candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The id of the agent.
    pub id: AgentId,
    /// Its availability zone.
    pub zone: Option<Arc<str>>,
    /// Its rank, a small number within its zone: agents of the same rank in different zones do the same work for their
    /// zones.
    pub rank: u32,
}

impl Candidate {
    /// Whether its zone is exactly `zone`.
    pub(super) fn is_in(&self, zone: Option<&str>) -> bool {
        self.zone.as_deref() == zone
    }
}
