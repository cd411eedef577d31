//! Random histories of nodes and leases against a simple model.

use std::collections::BTreeMap;

use super::*;
use alluvium_runtime::Rng;

/// What is true: who is registered, and by which lease each lease is held.
#[derive(Default)]
struct Model {
    registered: BTreeMap<i32, LeaseOwner>,
    held: BTreeMap<LeaseKey, Lease>,
    /// All leases that there ever were.
    given: Vec<Lease>,
}

impl Model {
    /// Whether `owner` is the one of its id.
    fn is_there(&self, owner: LeaseOwner) -> bool {
        self.registered.get(&owner.id.0) == Some(&owner)
    }

    /// Whether `owner` gets `key`.
    fn gets(&self, key: &LeaseKey, owner: LeaseOwner) -> bool {
        let is_free = self.held.get(key).is_none_or(|lease| lease.owner == owner || !self.is_there(lease.owner));
        self.is_there(owner) && is_free
    }
}

struct Play {
    metastore: Metastore,
    model: Model,
    rng: SeededRng,
    incarnations: u64,
}

impl Play {
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
                assert!(self.metastore.nodes.reap(owner, 0).await.expect("read"), "it never beats");
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
            // It has heard of it, and ends.
            self.metastore.nodes.leave(replaced).await.expect("left");
        }
        self.model.registered.insert(id, node.lease_owner());
    }

    async fn acquire(&mut self, key: LeaseKey, id: i32, there: Option<LeaseOwner>) {
        // One that is not registered asks, too.
        let owner = there.unwrap_or(LeaseOwner { id: AgentId(id), incarnation: Incarnation(u64::MAX) });
        let leases = self.metastore.leases.acquire(std::slice::from_ref(&key), owner, &self.rng).await;
        let lease = leases.expect("read").remove(0);
        assert_eq!(lease.is_some(), self.model.gets(&key, owner), "{key:?} for {owner}");
        if let Some(lease) = lease {
            self.model.given.push(lease.clone());
            self.model.held.insert(key, lease);
        }
    }

    /// Gives any lease back that there ever was.
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
            let holder = self.model.is_there(lease.owner).then_some(lease.owner);
            assert_eq!(self.metastore.leases.holder(key).await, Ok(holder));
        }
    }

    fn below(&self, bound: i32) -> i32 {
        i32::try_from(self.rng.next_u64() % u64::try_from(bound).expect("positive")).expect("small")
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_held_by_its_last_claim_alone_whatever_happens() {
    for seed in 0..10 {
        println!("seed {seed}");
        let faults = Faults { seed, conflict_per_mille: 100, unknown_per_mille: 200, ..Faults::default() };
        let metastore = fixtures::open(faults).await;
        let rng = SeededRng::new(seed);
        let mut play = Play { metastore, model: Model::default(), rng, incarnations: 0 };
        for _ in 0..40 {
            play.step().await;
            play.check().await;
        }
    }
}
