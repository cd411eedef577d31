//! Which groups this agent coordinates, and the lease of each: acquired before the group is loaded, released when it
//! leaves memory.
//!
//! A lease lives as long as its owner's registration, so there is nothing to renew: each write checks the lease in the
//! same transaction, and answers from memory are given only while no other agent can have declared this process dead.

use alluvium_metastore::leases::{Lease, LeaseKey, Leases};
use alluvium_metastore::nodes::Session;
use alluvium_model::group::GroupId;
use alluvium_runtime::Rng;
use tokio_util::sync::CancellationToken;

use super::config::RELEASE_PAUSE;
use crate::live_agents::LiveAgents;

/// Decides which groups are coordinated here. Clones share it.
///
/// | question | method |
/// |---|---|
/// | does FindCoordinator name this agent? | [`Self::is_coordinator`] |
/// | may a request be answered now? | [`Self::may_answer`] |
/// | may a loaded group stay in memory? | [`Self::may_stay`] |
#[derive(Clone)]
pub(super) struct Ownership {
    /// This process's registration among the live agents.
    pub session: Session,
    /// The leases in the metastore.
    pub leases: Leases,
}

impl Ownership {
    /// The live agents, as this process knows them now.
    pub fn live_agents(&self) -> LiveAgents {
        LiveAgents::of(&self.session)
    }

    /// Whether clients are sent to this agent with `group`.
    pub fn is_coordinator(&self, group: &GroupId) -> bool {
        self.live_agents().is_coordinated_here(group.as_str())
    }

    /// Whether requests for `group` may be answered now: clients are sent here, this process cannot have been declared
    /// dead, and `lease`, if the group has one already, is of the current registration.
    pub fn may_answer(&self, group: &GroupId, lease: Option<&Lease>) -> bool {
        // Validity first: a session that expired becomes valid again only with its next lease owner.
        self.session.is_valid() && self.may_stay(group, lease)
    }

    /// Whether `group` may stay in memory: clients are sent here, and `lease` is not of an earlier registration. Unlike
    /// [`Self::may_answer`] this stays true while the metastore cannot be reached.
    pub fn may_stay(&self, group: &GroupId, lease: Option<&Lease>) -> bool {
        self.is_coordinator(group) && lease.is_none_or(|lease| self.is_current(lease))
    }

    /// Whether `lease` belongs to the current registration of this process.
    fn is_current(&self, lease: &Lease) -> bool {
        self.session.lease_owner() == lease.owner
    }

    /// Acquires the lease of `group`; `None` if another process that is still registered has it.
    pub async fn acquire(&self, group: &GroupId, rng: &dyn Rng) -> Result<Option<Lease>, alluvium_metastore::Error> {
        let keys = [LeaseKey::Group(group.clone())];
        Ok(self.leases.acquire(&keys, self.session.lease_owner(), rng).await?.pop().flatten())
    }

    /// Releases `lease`, and retries until it succeeds: no other process gets the group before. Gives up once this
    /// process has another registration, or the agent stops, which ends the registration.
    pub async fn release(&self, lease: Lease, cancel: &CancellationToken) {
        while self.is_current(&lease) {
            match self.leases.release(std::slice::from_ref(&lease)).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(lease = ?lease.key, %error, "lease cannot be released; retrying"),
            }
            if cancel.run_until_cancelled(tokio::time::sleep(RELEASE_PAUSE)).await.is_none() {
                return;
            }
        }
    }
}
