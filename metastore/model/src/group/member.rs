//! One member of a group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{InstanceId, MemberId, WaiterId};
use crate::Timestamp;

/// A protocol that a member supports (a partition assignor, for consumers), with the member's metadata for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, such as `range`.
    pub name: Arc<str>,
    /// The member's metadata for it; opaque except for the subscriptions of consumers.
    pub metadata: Bytes,
}

/// One member of a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its instance id, if it is static.
    pub instance: Option<InstanceId>,
    /// `client.id` of its connection.
    pub client_id: String,
    /// The address that it connects from.
    pub client_host: String,
    /// The time without a heartbeat after which it is removed.
    pub session_timeout: Duration,
    /// How long a rebalance waits for it to join.
    pub rebalance_timeout: Duration,
    /// The protocols that it supports, the preferred one first.
    pub protocols: Vec<Protocol>,
    /// Its assignment in the current generation; opaque.
    pub assignment: Bytes,
    /// Its request that waits for an answer, if any.
    pub(super) awaiting: Option<Awaiting>,
    /// The time at which it is removed unless it sends a request, ms.
    pub(super) expires: Timestamp,
    /// Whether its first join has not been answered yet.
    pub(super) is_new: bool,
}

/// A request that waits for other members: Kafka calls its sender awaiting join, or awaiting sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaiting {
    Join(WaiterId),
    Sync(WaiterId),
}

impl Member {
    /// Whether it has joined the rebalance under way: its join waits for the others.
    pub(super) fn is_awaiting_join(&self) -> bool {
        matches!(self.awaiting, Some(Awaiting::Join(_)))
    }

    /// Restarts its session at `now`.
    pub(super) fn restart_session(&mut self, now: Timestamp) {
        self.expires = now.plus(self.session_timeout);
    }

    /// How long it has sent nothing, at `now`; zero while it waits for an answer.
    pub(super) fn silent_for(&self, now: Timestamp) -> Duration {
        let Some(expires) = self.deadline() else { return Duration::ZERO };
        let left = Duration::from_millis(u64::try_from(expires.0 - now.0).unwrap_or(0));
        self.session_timeout.saturating_sub(left)
    }

    /// The time at which it is removed, ms; `None` while it waits for an answer, rather than the group for it.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        (self.is_new || self.awaiting.is_none()).then_some(self.expires)
    }

    /// Its metadata for `protocol`; empty if it does not support it.
    #[must_use]
    pub fn metadata(&self, protocol: &str) -> Bytes {
        metadata_under(&self.protocols, protocol)
    }

    /// Number of bytes that its ids, metadata and assignment take, in memory and persisted.
    pub(super) fn bytes(&self, id: &MemberId) -> usize {
        let protocols: usize = self.protocols.iter().map(|p| p.name.len() + p.metadata.len()).sum();
        let instance = self.instance.as_ref().map_or(0, |instance| instance.as_str().len());
        id.as_str().len() + instance + self.client_id.len() + self.client_host.len() + protocols + self.assignment.len()
    }
}

/// The metadata for `protocol`; empty if it is not among `protocols`.
pub(super) fn metadata_under(protocols: &[Protocol], protocol: &str) -> Bytes {
    protocols.iter().find(|p| &*p.name == protocol).map(|p| p.metadata.clone()).unwrap_or_default()
}
