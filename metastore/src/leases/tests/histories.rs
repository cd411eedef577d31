//! Random histories of nodes and leases against a simple model.

use std::collections::BTreeMap;

use alluvium_runtime::Rng;

use super::*;

/// The expected state: the registered nodes, and the lease that is held on each key.
#[derive(Default)]
struct Model {
    registered: BTreeMap<i32, LeaseOwner>,
    held: BTreeMap<LeaseKey, Lease>,
    /// All leases that were ever acquired.
    given: Vec<Lease>,
}

impl Model {
    /// Whether `owner` is the current registration of its id.
    fn is_registered(&self, owner: LeaseOwner) -> bool {
        self.registered.get(&owner.id.0) == Some(&owner)
    }

    /// Whether `owner` can acquire `key`.
    fn can_acquire(&self, key: &LeaseKey, owner: LeaseOwner) -> bool {
        let is_free = self.held.get(key).is_none_or(|lease| lease.owner == owner || !self.is_registered(lease.owner));
        self.is_registered(owner) && is_free
    }
}

struct History {
    metastore: Metastore,
    model: Model,
    rng: SeededRng,
    incarnations: u64,
}

impl History {
    async fn step(&mut self) {
        let (id, key) = (self.below(3), group(&format!("g{}", self.below(2))));
        let there = self.model.registered.get(&id).copied();
        match (self.below(10), there) {
            (0 | 1, _) => self.register(id, there).await,
            (2, Some(owner)) => {
                self.metastore.nodes.leave(owner).await.expect("left");
                self.model.registered.remove(&id);
            }
            (3, Some(owner)) => {
                assert!(
                    self.metastore.nodes.remove_silent(owner, 0).await.expect("read"),
                    "it never sends a heartbeat"
                );
                self.model.registered.remove(&id);
            }
            (4..=7, _) => self.acquire(key, id, there).await,
            (_, _) => self.release().await,
        }
    }

    async fn register(&mut self, id: i32, there: Option<LeaseOwner>) {
        self.incarnations += 1;
        let new = NewNode { id: Some(AgentId(id)), ..NewNode::default() };
        let incarnation = Incarnation(self.incarnations);
        let node = self.metastore.nodes.register(&new, incarnation, Timestamp(0)).await.expect("registered");
        if let Some(replaced) = there {
            // Its next heartbeat fails, and it ends.
            self.metastore.nodes.leave(replaced).await.expect("left");
        }
        self.model.registered.insert(id, node.lease_owner());
    }

    async fn acquire(&mut self, key: LeaseKey, id: i32, there: Option<LeaseOwner>) {
        // A node that is not registered tries, too.
        let owner = there.unwrap_or(LeaseOwner { id: AgentId(id), incarnation: Incarnation(u64::MAX) });
        let leases = self.metastore.leases.acquire(std::slice::from_ref(&key), owner, &self.rng).await;
        let lease = leases.expect("read").remove(0);
        assert_eq!(lease.is_some(), self.model.can_acquire(&key, owner), "{key:?} for {owner}");
        if let Some(lease) = lease {
            self.model.given.push(lease.clone());
            self.model.held.insert(key, lease);
        }
    }

    /// Releases any lease that was ever acquired.
    async fn release(&mut self) {
        let count = i32::try_from(self.model.given.len()).expect("few");
        if count == 0 {
            return;
        }
        let which = usize::try_from(self.below(count)).expect("positive");
        let lease = self.model.given[which].clone();
        self.metastore.leases.release(std::slice::from_ref(&lease)).await.expect("released");
        if self.model.held.get(&lease.key) == Some(&lease) {
            self.model.held.remove(&lease.key);
        }
    }

    async fn check(&self) {
        for lease in &self.model.given {
            let expected = self.model.held.get(&lease.key) == Some(lease);
            assert_eq!(is_held(&self.metastore, lease).await, expected, "{lease:?}");
        }
        for (key, lease) in &self.model.held {
            let holder = self.model.is_registered(lease.owner).then_some(lease.owner);
            assert_eq!(self.metastore.leases.holder(key).await, Ok(holder));
        }
    }

    fn below(&self, bound: i32) -> i32 {
        i32::try_from(self.rng.next_u64() % u64::try_from(bound).expect("positive")).expect("small")
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_held_by_its_last_acquisition_alone_in_every_history() {
    for seed in 0..10 {
        println!("seed {seed}");
        let faults = KvFaults { seed, conflict_per_mille: 100, unknown_per_mille: 200, ..KvFaults::default() };
        let metastore = fixtures::open(faults).await;
        let rng = SeededRng::new(seed);
        let mut history = History { metastore, model: Model::default(), rng, incarnations: 0 };
        for _ in 0..40 {
            history.step().await;
            history.check().await;
        }
    }
}
