//! The lease of a group: taken before the group is loaded, given back when it leaves memory.
//!
//! A lease lives as long as its owner's registration, so there is nothing to renew: what is written is checked against it
//! in the same transaction, and what is answered from memory is answered only while nobody can have taken this process for
//! gone.

use alluvium_metastore::leases::{Lease, LeaseKey, Leases};
use alluvium_metastore::nodes::Session;
use alluvium_model::group::GroupId;
use alluvium_runtime::Rng;
use tokio_util::sync::CancellationToken;

use super::config::RELEASE_PAUSE;
use crate::live_agents::LiveAgents;

/// What says which groups are coordinated here. Clones share it.
#[derive(Clone)]
pub(super) struct Ownership {
    pub session: Session,
    pub leases: Leases,
}

impl Ownership {
    /// Whether clients are sent here with this group, and may be answered.
    pub fn serves(&self, group: &GroupId) -> bool {
        self.session.is_valid() && self.is_placed_here(group)
    }

    /// Whether clients are sent here with this group.
    pub fn is_placed_here(&self, group: &GroupId) -> bool {
        LiveAgents::of(&self.session).is_coordinated_here(group.as_str())
    }

    /// Whether what is known under `lease` may be told.
    pub fn holds(&self, lease: &Lease) -> bool {
        // In this order: a session that was lost is valid again only under its next lease_owner.
        self.session.is_valid() && self.session.lease_owner() == lease.owner
    }

    /// Claims `group`; `None` where another process has it, which is still registered.
    pub async fn lease(&self, group: &GroupId, rng: &dyn Rng) -> Result<Option<Lease>, alluvium_metastore::Error> {
        let keys = [LeaseKey::Group(group.clone())];
        Ok(self.leases.acquire(&keys, self.session.lease_owner(), rng).await?.pop().flatten())
    }

    /// Gives `lease` back, however often that must be tried: nobody else gets the group before. Over once the registration
    /// is another one, or the agent stops, for then its registration ends.
    pub async fn release(&self, lease: Lease, cancel: &CancellationToken) {
        while self.session.lease_owner() == lease.owner {
            match self.leases.release(std::slice::from_ref(&lease)).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(lease = ?lease.key, %error, "lease cannot be released yet"),
            }
            if cancel.run_until_cancelled(tokio::time::sleep(RELEASE_PAUSE)).await.is_none() {
                return;
            }
        }
    }
}
