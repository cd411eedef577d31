//! Leases as transactions.

use std::collections::BTreeMap;

use alluvium_model::{
    lease::{Lease, LeaseKey},
    node::LeaseOwner,
};
use alluvium_runtime::Rng;

use super::{
    key::{all_leases, lease_key},
    row::{LeaseRow, decode, encode},
};
use crate::{
    keyspace::Error,
    kv::{Db, Tx, key_after},
    nodes::{is_registered, may_hold_leases},
};

/// Leases. Clones share the store.
#[derive(Clone)]
pub struct Leases {
    db: Db,
}

/// The result of one step of the sweep of leases whose owners are no longer registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseSweepStep {
    /// Number of leases that were removed.
    pub removed: usize,
    /// The key after which the next step continues; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl Leases {
    /// Leases in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Acquires the leases on `keys` for `owner`, in one transaction; returns one result for each key, in their order.
    /// The result is `None` if another registration that still exists holds the lease, or if the registration of
    /// `owner` does not exist any more. If `owner` already holds a lease, it gets a new one, and the old one is no
    /// longer valid.
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

    /// Releases those of `leases` that are still held.
    pub async fn release(&self, leases: &[Lease]) -> Result<(), Error> {
        self.db
            .run("release leases", |tx| async move {
                let keys: Vec<_> = leases.iter().map(|lease| lease_key(&lease.key)).collect();
                for ((lease, key), row) in leases.iter().zip(&keys).zip(tx.get_all(&keys).await?) {
                    let stored = row.map(|row| decode(&row)).transpose()?;
                    if stored == Some(row_of(lease)) {
                        tx.clear(key);
                    }
                }
                Ok(())
            })
            .await
    }

    /// The owner of the lease on `key`; `None` also if the registration of its owner was removed.
    pub async fn holder(&self, key: &LeaseKey) -> Result<Option<LeaseOwner>, Error> {
        self.db
            .read("lease holder", |tx| async move {
                let Some(row) = tx.get(&lease_key(key)).await? else { return Ok(None) };
                let owner = decode(&row)?.owner;
                Ok(may_hold_leases(&tx, owner).await?.then_some(owner))
            })
            .await
    }

    /// One step of the sweep: reads the next `limit` leases after the key `after`, and removes those whose owners are
    /// no longer registered. A node that needs such a lease can take it without the sweep, which only keeps rows from
    /// staying for ever.
    pub async fn sweep(&self, after: Option<&[u8]>, limit: usize) -> Result<LeaseSweepStep, Error> {
        self.db.run("sweep leases", |tx| async move { sweep(&tx, after, limit).await }).await
    }
}

fn row_of(lease: &Lease) -> LeaseRow {
    LeaseRow { owner: lease.owner, token: lease.token }
}

async fn acquire(tx: &Tx, leases: &[Lease], owner: LeaseOwner) -> Result<Vec<Option<Lease>>, Error> {
    if !is_registered(tx, owner).await? {
        return Ok(vec![None; leases.len()]);
    }
    let keys: Vec<_> = leases.iter().map(|lease| lease_key(&lease.key)).collect();
    let mut known = BTreeMap::from([(owner, true)]);
    let mut acquired = Vec::with_capacity(leases.len());
    for ((lease, key), row) in leases.iter().zip(&keys).zip(tx.get_all(&keys).await?) {
        let holder = row.map(|row| decode(&row)).transpose()?.map(|row| row.owner);
        let is_free = match holder {
            Some(holder) => !may_hold(tx, holder, &mut known).await?,
            None => true,
        };
        let is_acquired = is_free || holder == Some(owner);
        if is_acquired {
            tx.set(key, &encode(row_of(lease)));
        }
        acquired.push(is_acquired.then(|| lease.clone()));
    }
    Ok(acquired)
}

/// Whether `holder` may hold leases; `known` remembers the owners that this transaction has looked up.
async fn may_hold(tx: &Tx, holder: LeaseOwner, known: &mut BTreeMap<LeaseOwner, bool>) -> Result<bool, Error> {
    if let Some(found) = known.get(&holder) {
        return Ok(*found);
    }
    let found = may_hold_leases(tx, holder).await?;
    known.insert(holder, found);
    Ok(found)
}

async fn sweep(tx: &Tx, after: Option<&[u8]>, limit: usize) -> Result<LeaseSweepStep, Error> {
    let mut range = all_leases().limit(limit).snapshot();
    if let Some(after) = after {
        range.begin = key_after(after);
    }
    let rows = tx.range(range).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|(key, _)| key.to_vec());
    let mut step = LeaseSweepStep { removed: 0, next };
    let mut known = BTreeMap::new();
    for (key, row) in &rows {
        let owner = decode(row)?.owner;
        // Read again, so that the commit conflicts with a node that takes the lease meanwhile: the page was read by
        // snapshot.
        if !may_hold(tx, owner, &mut known).await? && tx.get(key).await?.as_ref() == Some(row) {
            tx.clear(key);
            step.removed += 1;
        }
    }
    Ok(step)
}
