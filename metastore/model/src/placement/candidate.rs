//! An agent that can be named to clients.

use std::sync::Arc;

use crate::AgentId;

/// An agent that can be named. Who collects them leaves out those that are draining.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which agent.
    pub id: AgentId,
    /// Its availability zone.
    pub zone: Option<Arc<str>>,
    /// Its small number within its zone: agents of one rank in different zones do the same work for their zones.
    pub rank: u32,
}

impl Candidate {
    pub(super) fn is_in(&self, zone: Option<&str>) -> bool {
        self.zone.as_deref() == zone
    }
}
