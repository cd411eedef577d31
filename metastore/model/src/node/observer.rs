//! When a node is taken for gone: nothing of it changed for a whole expiry of the observer's own time.
//!
//! No clocks are compared. A node counts itself as valid for one expiry from the *start* of its last successful heartbeat;
//! an observer counts from when it *learnt* of that heartbeat, which is later, and never counts more than has passed. So a
//! node knows first.

use std::{collections::BTreeMap, time::Duration};

use super::{LeaseOwner, Node, NodeState};

/// What one node has seen of all.
#[derive(Clone, Debug)]
pub struct Observer {
    expiry: Duration,
    /// When it looked last.
    looked: Option<Duration>,
    seen: BTreeMap<LeaseOwner, Sight>,
}

#[derive(Clone, Copy, Debug)]
struct Sight {
    beat: u64,
    /// For how long it has been seen at this beat, as far as that counts.
    silent: Duration,
}

/// What one look showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Nodes that are not expired, by id.
    pub live: Vec<Node>,
    /// Those that are, each with the beat that it stopped at.
    pub expired: Vec<(LeaseOwner, u64)>,
}

impl Observer {
    /// Nodes expire after `expiry` without a change.
    #[must_use]
    pub fn new(expiry: Duration) -> Self {
        Self { expiry, looked: None, seen: BTreeMap::new() }
    }

    /// Takes in all nodes as read at `now`, of any clock that never goes back, and the registrations that were `replaced`:
    /// those do not beat any more, and are expired once they must know it.
    ///
    /// Of the time between two looks a quarter of an expiry counts at most: after a longer pause the observer itself was
    /// away, or the metastore was, and then nobody could beat. So everybody has time to be heard again.
    pub fn observe(&mut self, rows: &[Node], replaced: &[LeaseOwner], now: Duration) -> Observed {
        let pause = self.looked.replace(now).map_or(Duration::ZERO, |looked| now.saturating_sub(looked));
        let pause = pause.min(self.expiry / 4);
        let mut seen = BTreeMap::new();
        let mut observed = Observed::default();
        let mut is_expired = |lease_owner: LeaseOwner, beat: u64| {
            let known = self.seen.get(&lease_owner).filter(|sight| sight.beat == beat);
            let silent = known.map_or(Duration::ZERO, |sight| sight.silent + pause);
            seen.insert(lease_owner, Sight { beat, silent });
            silent >= self.expiry
        };
        for node in rows {
            if is_expired(node.lease_owner(), node.beat) {
                observed.expired.push((node.lease_owner(), node.beat));
            } else {
                observed.live.push(node.clone());
            }
        }
        let over = replaced.iter().filter(|lease_owner| is_expired(**lease_owner, u64::MAX));
        observed.expired.extend(over.map(|lease_owner| (*lease_owner, u64::MAX)));
        observed.live.sort_by_key(|node| node.id);
        self.seen = seen;
        observed
    }
}

/// Who is there, and in what state: what others act on.
#[must_use]
pub fn standing(live: &[Node]) -> Vec<(LeaseOwner, NodeState)> {
    live.iter().map(|node| (node.lease_owner(), node.state)).collect()
}
