//! Leases as transactions.

use std::collections::BTreeMap;

use alluvium_model::{
    lease::{Lease, LeaseKey},
    node::LeaseOwner,
};

use super::{
    codec::{Held, decode, encode},
    key::{lease_key, leases},
};
use crate::{
    keyspace::Error,
    kv::{Db, Tx, key_after},
    nodes::{is_current, may_be_there},
};
use alluvium_runtime::Rng;

/// Leases. Clones share the store.
#[derive(Clone)]
pub struct Leases {
    db: Db,
}

/// One step of the sweep of leases whose owners are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Leases that were removed.
    pub removed: usize,
    /// Where to go on; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl Leases {
    /// Leases in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Claims all of `keys` for `owner`, in one transaction: an answer for each, in their order. `None`: another
    /// registration that still exists has it, or that of `owner` itself does not exist any more. What `owner` holds already
    /// it gets by a new lease, and the old one is void.
    pub async fn acquire(
        &self,
        keys: &[LeaseKey],
        owner: LeaseOwner,
        rng: &dyn Rng,
    ) -> Result<Vec<Option<Lease>>, Error> {
        let lease = |key: &LeaseKey| Lease { key: key.clone(), owner, token: rng.next_u64() };
        let leases: &Vec<_> = &keys.iter().map(lease).collect();
        self.db.run("acquire leases", |tx| async move { acquire(&tx, leases, owner).await }).await
    }

    /// Gives `leases` back, those that are still held.
    pub async fn release(&self, leases: &[Lease]) -> Result<(), Error> {
        self.db
            .run("release leases", |tx| async move {
                let keys: Vec<_> = leases.iter().map(|lease| lease_key(&lease.key)).collect();
                for ((lease, key), row) in leases.iter().zip(&keys).zip(tx.get_all(&keys).await?) {
                    let held = row.map(|row| decode(&row)).transpose()?;
                    if held == Some(held_by(lease)) {
                        tx.clear(key);
                    }
                }
                Ok(())
            })
            .await
    }

    /// Who holds `key`; `None` also where its owner's registration is gone.
    pub async fn holder(&self, key: &LeaseKey) -> Result<Option<LeaseOwner>, Error> {
        self.db
            .read("lease holder", |tx| async move {
                let Some(row) = tx.get(&lease_key(key)).await? else { return Ok(None) };
                let owner = decode(&row)?.owner;
                Ok(may_be_there(&tx, owner).await?.then_some(owner))
            })
            .await
    }

    /// One step of the sweep: removes what the next `limit` leases after `after` hold of owners that are gone. Whoever
    /// needs such a lease takes it anyhow; the sweep only keeps rows from staying for ever.
    pub async fn sweep(&self, after: Option<&[u8]>, limit: usize) -> Result<Sweep, Error> {
        self.db.run("sweep leases", |tx| async move { sweep(&tx, after, limit).await }).await
    }
}

fn held_by(lease: &Lease) -> Held {
    Held { owner: lease.owner, token: lease.token }
}

async fn acquire(tx: &Tx, leases: &[Lease], owner: LeaseOwner) -> Result<Vec<Option<Lease>>, Error> {
    if !is_current(tx, owner).await? {
        return Ok(vec![None; leases.len()]);
    }
    let keys: Vec<_> = leases.iter().map(|lease| lease_key(&lease.key)).collect();
    let mut known = BTreeMap::from([(owner, true)]);
    let mut answers = Vec::with_capacity(leases.len());
    for ((lease, key), row) in leases.iter().zip(&keys).zip(tx.get_all(&keys).await?) {
        let holder = row.map(|row| decode(&row)).transpose()?.map(|held| held.owner);
        let is_free = match holder {
            Some(holder) => !is_known(tx, holder, &mut known).await?,
            None => true,
        };
        let is_ours = is_free || holder == Some(owner);
        if is_ours {
            tx.set(key, &encode(held_by(lease)));
        }
        answers.push(is_ours.then(|| lease.clone()));
    }
    Ok(answers)
}

async fn is_known(tx: &Tx, holder: LeaseOwner, known: &mut BTreeMap<LeaseOwner, bool>) -> Result<bool, Error> {
    if let Some(found) = known.get(&holder) {
        return Ok(*found);
    }
    let found = may_be_there(tx, holder).await?;
    known.insert(holder, found);
    Ok(found)
}

async fn sweep(tx: &Tx, after: Option<&[u8]>, limit: usize) -> Result<Sweep, Error> {
    let mut range = leases().limit(limit).snapshot();
    if let Some(after) = after {
        range.begin = key_after(after);
    }
    let rows = tx.range(range).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|(key, _)| key.to_vec());
    let mut sweep = Sweep { removed: 0, next };
    let mut known = BTreeMap::new();
    for (key, row) in &rows {
        let owner = decode(row)?.owner;
        // Read again, for the commit to conflict with whoever takes it meanwhile; the page itself was read by snapshot.
        if !is_known(tx, owner, &mut known).await? && tx.get(key).await?.as_ref() == Some(row) {
            tx.clear(key);
            sweep.removed += 1;
        }
    }
    Ok(sweep)
}
