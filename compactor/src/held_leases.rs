//! The leases of this process, shared by its jobs.
//!
//! Owns: who uses each lease, and when it is released. Does not own: leases as such (the metastore), liveness (the
//! session). Invariants: a lease is acquired once however many jobs need it, because acquiring it again would void the
//! lease of the other job; a lease without users that is not kept is released, if necessary in a later round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alluvium_metastore::Error;
use alluvium_metastore::leases::{Lease, LeaseKey, Leases};
use alluvium_metastore::nodes::Session;
use alluvium_model::CompactionLoad;
use alluvium_runtime::Rng;
use tokio::sync::Mutex;

use crate::assigned_work::AssignedWork;

/// Leases acquired or released in one transaction; each takes about 150 B.
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
    /// Whether it stays acquired when its last user has finished.
    is_kept: bool,
}

impl HeldLeases {
    pub(crate) fn new(leases: Leases, session: Session, rng: Arc<dyn Rng>) -> Self {
        Self { leases, session, rng, held: Mutex::default() }
    }

    /// Acquires the leases on `keys`; `None` for each that another process holds. The caller ends its use of each lease
    /// with [`Self::release`] or [`Self::keep`].
    pub(crate) async fn acquire(&self, keys: &[LeaseKey]) -> Result<Vec<Option<Lease>>, Error> {
        let owner = self.session.lease_owner();
        let mut held = self.held.lock().await;
        // Leases of an earlier registration are void.
        held.retain(|_, held| held.lease.owner == owner);
        let missing: BTreeSet<&LeaseKey> = keys.iter().filter(|key| !held.contains_key(*key)).collect();
        let missing: Vec<LeaseKey> = missing.into_iter().cloned().collect();
        for keys in missing.chunks(LEASES_MAX) {
            for lease in self.leases.acquire(keys, owner, &*self.rng).await?.into_iter().flatten() {
                held.insert(lease.key.clone(), Held { lease, users: 0, is_kept: false });
            }
        }
        let add_user = |key: &LeaseKey| {
            let held = held.get_mut(key)?;
            held.users += 1;
            Some(held.lease.clone())
        };
        Ok(keys.iter().map(add_user).collect())
    }

    /// Ends one use of each of `leases` and releases those without other users. A release that fails is repeated later.
    pub(crate) async fn release(&self, leases: &[Lease]) {
        let mut held = self.held.lock().await;
        leases.iter().for_each(|lease| remove_user(&mut held, lease));
        self.release_idle(&mut held).await;
    }

    /// Ends one use of `lease` but keeps it acquired: the next round needs it again and then writes nothing for it.
    pub(crate) async fn keep(&self, lease: &Lease) {
        let mut held = self.held.lock().await;
        remove_user(&mut held, lease);
        if let Some(held) = held.get_mut(&lease.key).filter(|held| held.lease == *lease) {
            held.is_kept = true;
        }
    }

    /// Releases the kept leases, except those whose key satisfies `is_needed`.
    pub(crate) async fn release_kept(&self, is_needed: impl Fn(&LeaseKey) -> bool) {
        let mut held = self.held.lock().await;
        for (key, held) in held.iter_mut() {
            held.is_kept &= is_needed(key);
        }
        self.release_idle(&mut held).await;
    }

    async fn release_idle(&self, held: &mut BTreeMap<LeaseKey, Held>) {
        let is_idle = |held: &&Held| held.users == 0 && !held.is_kept;
        let idle: Vec<Lease> = held.values().filter(is_idle).map(|held| held.lease.clone()).collect();
        for leases in idle.chunks(LEASES_MAX) {
            match self.leases.release(leases).await {
                Ok(()) => leases.iter().for_each(|lease| drop(held.remove(&lease.key))),
                Err(error) => tracing::warn!(%error, "releasing leases failed; a later round tries again"),
            }
        }
    }

    /// Drops a lease that turned out to be void, without releasing it.
    pub(crate) async fn discard(&self, lease: &Lease) {
        self.held.lock().await.retain(|_, held| held.lease != *lease);
    }

    /// Ends all uses of the leases whose key satisfies `is_abandoned`, after the tasks that used them have panicked.
    pub(crate) async fn abandon(&self, is_abandoned: impl Fn(&LeaseKey) -> bool) {
        let mut held = self.held.lock().await;
        for (_, held) in held.iter_mut().filter(|(key, _)| is_abandoned(key)) {
            held.users = 0;
            held.is_kept = false;
        }
        self.release_idle(&mut held).await;
    }

    /// Announces what this compactor has to do, so that agents throttle producers if that is too much.
    pub(crate) fn announce(&self, load: CompactionLoad) {
        self.session.set_compaction(load);
    }

    /// The work assigned to this node now.
    pub(crate) fn assigned_work(&self) -> AssignedWork {
        AssignedWork::of(&self.session)
    }
}

fn remove_user(held: &mut BTreeMap<LeaseKey, Held>, lease: &Lease) {
    if let Some(held) = held.get_mut(&lease.key).filter(|held| held.lease == *lease) {
        held.users = held.users.saturating_sub(1);
    }
}
