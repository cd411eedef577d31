//! The lease of a group: taken before the group is loaded, given back when it leaves memory.
//!
//! A lease lives as long as its owner's registration, so there is nothing to renew: what is written is checked against it
//! in the same transaction, and what is answered from memory is answered only while nobody can have taken this process for
//! gone.

use alluvium_metastore::ambient::Entropy;
use alluvium_metastore::leases::{Claim, LeaseKey, Leases};
use alluvium_metastore::nodes::Session;
use alluvium_model::group::GroupId;
use tokio_util::sync::CancellationToken;

use super::config::RELEASE_PAUSE;
use crate::roster::Roster;

/// What says which groups are coordinated here. Clones share it.
#[derive(Clone)]
pub(super) struct Office {
    pub session: Session,
    pub leases: Leases,
}

impl Office {
    /// Whether clients are sent here with this group, and may be answered.
    pub fn serves(&self, group: &GroupId) -> bool {
        self.session.is_valid() && self.is_placed_here(group)
    }

    /// Whether clients are sent here with this group.
    pub fn is_placed_here(&self, group: &GroupId) -> bool {
        Roster::of(&self.session).is_coordinated_here(group.as_str())
    }

    /// Whether what is known under `claim` may be told.
    pub fn holds(&self, claim: &Claim) -> bool {
        // In this order: a session that was lost is valid again only under its next claimant.
        self.session.is_valid() && self.session.claimant() == claim.owner
    }

    /// Claims `group`; `None` where another process has it, which is still registered.
    pub async fn claim(
        &self,
        group: &GroupId,
        entropy: &dyn Entropy,
    ) -> Result<Option<Claim>, alluvium_metastore::Error> {
        let keys = [LeaseKey::Group(group.clone())];
        Ok(self.leases.acquire(&keys, self.session.claimant(), entropy).await?.pop().flatten())
    }

    /// Gives `claim` back, however often that must be tried: nobody else gets the group before. Over once the registration
    /// is another one, or the agent stops, for then its registration ends.
    pub async fn release(&self, claim: Claim, cancel: &CancellationToken) {
        while self.session.claimant() == claim.owner {
            match self.leases.release(std::slice::from_ref(&claim)).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(lease = ?claim.key, %error, "lease cannot be released yet"),
            }
            if cancel.run_until_cancelled(tokio::time::sleep(RELEASE_PAUSE)).await.is_none() {
                return;
            }
        }
    }
}
