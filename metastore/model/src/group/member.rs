//! One member of a group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{InstanceId, MemberId, WaiterId};
use crate::Timestamp;

/// A protocol that a member can follow (a partition assignor, for consumers), and what it says about itself under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: Arc<str>,
    /// Opaque.
    pub metadata: Bytes,
}

/// One member, as the group remembers it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its instance id, where it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// Where it connects from.
    pub client_host: String,
    /// It is dropped when silent for so long.
    pub session_timeout: Duration,
    /// How long a rebalance waits for it.
    pub rebalance_timeout: Duration,
    /// What it can follow, best first.
    pub protocols: Vec<Protocol>,
    /// What the leader gave it in the current generation.
    pub assignment: Bytes,
    /// Its request that waits, if any.
    pub(super) parked: Option<Parked>,
    /// When it is dropped unless it is heard from.
    pub(super) expires: Timestamp,
    /// Whether its first join has not been answered yet.
    pub(super) is_new: bool,
}

/// A request that waits for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parked {
    Join(WaiterId),
    Sync(WaiterId),
}

impl Member {
    /// Whether it has joined the rebalance under way.
    pub(super) fn has_joined(&self) -> bool {
        matches!(self.parked, Some(Parked::Join(_)))
    }

    /// It was heard from at `now`.
    pub(super) fn restart_session(&mut self, now: Timestamp) {
        self.expires = now.plus(self.session_timeout);
    }

    /// When it is dropped; `None` while it waits for us rather than we for it.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        (self.is_new || self.parked.is_none()).then_some(self.expires)
    }

    /// What it says about itself under `protocol`; nothing where it does not know it.
    #[must_use]
    pub fn metadata(&self, protocol: &str) -> Bytes {
        metadata_under(&self.protocols, protocol)
    }

    /// Bytes that it takes, in memory and saved.
    pub(super) fn bytes(&self, id: &MemberId) -> usize {
        let protocols: usize = self.protocols.iter().map(|p| p.name.len() + p.metadata.len()).sum();
        let instance = self.instance.as_ref().map_or(0, |instance| instance.as_str().len());
        id.as_str().len() + instance + self.client_id.len() + self.client_host.len() + protocols + self.assignment.len()
    }
}

/// What is said under `protocol`, empty where it is not among `protocols`.
pub(super) fn metadata_under(protocols: &[Protocol], protocol: &str) -> Bytes {
    protocols.iter().find(|p| &*p.name == protocol).map(|p| p.metadata.clone()).unwrap_or_default()
}
