//! Suspicion: another node has closed its connections and refuses new ones, so it has probably died.
//!
//! A suspicion is only a hint: it ends as soon as the node is seen to send heartbeats, and what depends on the end of a
//! registration (leases) waits for that. Heartbeats that were written before the node died may be read after, so the
//! first reading after the suspicion says nothing: only a later one with yet another heartbeat shows that it lives.

use std::collections::BTreeMap;

use super::{LeaseOwner, Node};

/// The nodes that this one suspects, each with the number of its heartbeats as of the first reading since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspicions(BTreeMap<LeaseOwner, Option<u64>>);

impl Suspicions {
    /// Suspects `owner`. Whether it was not suspected yet.
    pub fn suspect(&mut self, owner: LeaseOwner) -> bool {
        let known = self.0.len();
        self.0.entry(owner).or_default();
        self.0.len() > known
    }

    /// Ends what `live`, the nodes of one reading, shows to be wrong or past. Whether any suspicion ended.
    pub fn observe(&mut self, live: &[Node]) -> bool {
        let known = self.0.len();
        self.0.retain(|owner, first_reading| {
            let Some(node) = live.iter().find(|node| node.lease_owner() == *owner) else { return false };
            *first_reading.get_or_insert(node.heartbeats) == node.heartbeats
        });
        self.0.len() < known
    }

    /// The suspected nodes.
    pub fn suspects(&self) -> impl Iterator<Item = LeaseOwner> {
        self.0.keys().copied()
    }

    /// Whether `owner` is suspected.
    #[must_use]
    pub fn contains(&self, owner: LeaseOwner) -> bool {
        self.0.contains_key(&owner)
    }
}
