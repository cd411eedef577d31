//! When a node is taken for gone: nothing of it changed for a whole expiry of the observer's own time.
//!
//! No clocks are compared. A node counts itself as valid for one expiry from the *start* of its last successful heartbeat;
//! an observer counts from when it *learnt* of that heartbeat, which is later. So a node knows first.

use std::{collections::BTreeMap, time::Duration};

use super::{Claimant, Node, NodeState};

/// What one node has seen of all.
#[derive(Clone, Debug)]
pub struct Observer {
    expiry: Duration,
    /// When it looked last.
    looked: Option<Duration>,
    seen: BTreeMap<Claimant, Sight>,
}

#[derive(Clone, Copy, Debug)]
struct Sight {
    beat: u64,
    /// When this beat was seen first.
    since: Duration,
}

/// What one look showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Nodes that are not expired, by id.
    pub live: Vec<Node>,
    /// Those that are, each with the beat that it stopped at.
    pub expired: Vec<(Claimant, u64)>,
}

impl Observer {
    /// Nodes expire after `expiry` without a change.
    #[must_use]
    pub fn new(expiry: Duration) -> Self {
        Self { expiry, looked: None, seen: BTreeMap::new() }
    }

    /// Takes in `rows`, all nodes as read at `now`, of any clock that never goes back.
    ///
    /// After a pause of more than half an expiry between two looks everybody is given a whole expiry again: the observer
    /// itself was away, or the metastore was, and then nobody could beat.
    pub fn observe(&mut self, rows: &[Node], now: Duration) -> Observed {
        let pause = self.looked.replace(now).map_or(Duration::ZERO, |looked| now.saturating_sub(looked));
        let was_away = pause > self.expiry / 2;
        let mut seen = BTreeMap::new();
        let mut observed = Observed::default();
        for node in rows {
            let known = self.seen.get(&node.claimant()).filter(|sight| sight.beat == node.beat && !was_away);
            let sight = known.copied().unwrap_or(Sight { beat: node.beat, since: now });
            seen.insert(node.claimant(), sight);
            if now.saturating_sub(sight.since) >= self.expiry {
                observed.expired.push((node.claimant(), node.beat));
            } else {
                observed.live.push(node.clone());
            }
        }
        observed.live.sort_by_key(|node| node.id);
        self.seen = seen;
        observed
    }
}

/// Who is there, and in what state: what others act on.
#[must_use]
pub fn standing(live: &[Node]) -> Vec<(Claimant, NodeState)> {
    live.iter().map(|node| (node.claimant(), node.state)).collect()
}
