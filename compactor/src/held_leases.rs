//! What this compactor does and others do not: its share of the work, and the leases that protect it.
//!
//! Owns: the leases of this process, shared by its jobs. Does not own: leases (the metastore's), who is alive (the
//! session). Invariants: a lease is acquired once however many jobs need it, for acquiring it again would void the lease
//! of the other job; what nobody here uses any more is given back, if need be in a later round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alluvium_metastore::Error;
use alluvium_metastore::leases::{Lease, LeaseKey, Leases, Role};
use alluvium_metastore::nodes::{Node, NodeState, Session};
use alluvium_model::{AgentId, TopicPartition, placement};
use alluvium_runtime::Rng;
use tokio::sync::Mutex;

/// Leases acquired or released in one transaction: about 150 B each.
const LEASES_MAX: usize = 1_000;

/// The leases of this process.
pub(crate) struct HeldLeases {
    leases: Leases,
    session: Session,
    rng: Arc<dyn Rng>,
    held: Mutex<BTreeMap<LeaseKey, Held>>,
}

struct Held {
    lease: Lease,
    /// Jobs that work under it.
    users: usize,
    /// It is not given back when the last of them is done.
    is_kept: bool,
}

/// One job less works under `lease`.
fn leave(held: &mut BTreeMap<LeaseKey, Held>, lease: &Lease) {
    if let Some(held) = held.get_mut(&lease.key).filter(|held| held.lease == *lease) {
        held.users = held.users.saturating_sub(1);
    }
}

impl HeldLeases {
    pub(crate) fn new(leases: Leases, session: Session, rng: Arc<dyn Rng>) -> Self {
        Self { leases, session, rng, held: Mutex::default() }
    }

    /// HeldLeases what is free of `keys`; of the others there is no lease. Each lease is given back by
    /// [`Self::release`] or [`Self::keep`].
    pub(crate) async fn acquire(&self, keys: &[LeaseKey]) -> Result<Vec<Option<Lease>>, Error> {
        let owner = self.session.lease_owner();
        let mut held = self.held.lock().await;
        // Those of an earlier registration are void.
        held.retain(|_, held| held.lease.owner == owner);
        let missing: BTreeSet<&LeaseKey> = keys.iter().filter(|key| !held.contains_key(*key)).collect();
        let missing: Vec<LeaseKey> = missing.into_iter().cloned().collect();
        for keys in missing.chunks(LEASES_MAX) {
            for lease in self.leases.acquire(keys, owner, &*self.rng).await?.into_iter().flatten() {
                held.insert(lease.key.clone(), Held { lease, users: 0, is_kept: false });
            }
        }
        let use_one = |key: &LeaseKey| {
            let held = held.get_mut(key)?;
            held.users += 1;
            Some(held.lease.clone())
        };
        Ok(keys.iter().map(use_one).collect())
    }

    /// Gives `leases` back, where no other job works under them. What cannot be given back now is given back later.
    pub(crate) async fn release(&self, leases: &[Lease]) {
        let mut held = self.held.lock().await;
        leases.iter().for_each(|lease| leave(&mut held, lease));
        self.release_idle(&mut held).await;
    }

    /// Keeps `lease`, though nobody works under it now: the next round needs it again, and need not write anything for it.
    pub(crate) async fn keep(&self, lease: &Lease) {
        let mut held = self.held.lock().await;
        leave(&mut held, lease);
        if let Some(held) = held.get_mut(&lease.key).filter(|held| held.lease == *lease) {
            held.is_kept = true;
        }
    }

    /// Gives back what was kept, but those that `stay`.
    pub(crate) async fn release_kept(&self, stay: impl Fn(&LeaseKey) -> bool) {
        let mut held = self.held.lock().await;
        for (key, held) in held.iter_mut() {
            held.is_kept &= stay(key);
        }
        self.release_idle(&mut held).await;
    }

    async fn release_idle(&self, held: &mut BTreeMap<LeaseKey, Held>) {
        let is_idle = |held: &&Held| held.users == 0 && !held.is_kept;
        let idle: Vec<Lease> = held.values().filter(is_idle).map(|held| held.lease.clone()).collect();
        for leases in idle.chunks(LEASES_MAX) {
            match self.leases.release(leases).await {
                Ok(()) => leases.iter().for_each(|lease| drop(held.remove(&lease.key))),
                Err(error) => tracing::warn!(%error, "leases cannot be given back yet"),
            }
        }
    }

    /// Forgets a lease that was found to be void.
    pub(crate) async fn forget(&self, lease: &Lease) {
        self.held.lock().await.retain(|_, held| held.lease != *lease);
    }

    /// Which work is this node's: what rendezvous gives it among the live compactors that are not draining.
    pub(crate) fn share(&self) -> Share {
        let own = self.session.node().id;
        let works = |node: &&Node| node.compacts && node.state == NodeState::Active;
        let compactors = self.session.live().iter().filter(works).map(|node| node.id).collect();
        Share { own, compactors }
    }
}

/// What is one node's among all compactors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    own: AgentId,
    compactors: Vec<AgentId>,
}

impl Share {
    pub(crate) fn has_partition(&self, partition: TopicPartition) -> bool {
        self.has(&[&partition.topic.0.as_bytes()[..], &partition.partition.0.to_be_bytes()].concat())
    }

    pub(crate) fn has_role(&self, role: Role) -> bool {
        self.has(&[role as u8])
    }

    fn has(&self, key: &[u8]) -> bool {
        placement::owner(key, &self.compactors).is_none_or(|owner| owner == self.own)
    }
}
