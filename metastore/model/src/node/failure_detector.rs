//! The failure detector: a node is considered failed once it has sent no heartbeat for its whole expiry, by the
//! observer's own time.
//!
//! No clocks are compared. A node considers itself valid for one expiry from the *start* of its last successful
//! heartbeat; an observer counts from the time at which it *read* that heartbeat, which is later, and never counts more
//! time than has passed. So a node knows that it is no longer valid before any observer does.

use std::{collections::BTreeMap, time::Duration};

use super::{LeaseOwner, Node, NodeState};

/// The share of an expiry that a pause between two readings counts for, at most: 1 / this.
const PAUSE_DIVISOR: u32 = 4;

/// What one node knows about the heartbeats of all nodes.
#[derive(Clone, Debug, Default)]
pub struct FailureDetector {
    /// The time of the last reading.
    last_reading: Option<Duration>,
    observations: BTreeMap<LeaseOwner, Observation>,
}

#[derive(Clone, Copy, Debug)]
struct Observation {
    /// The number of the node's last heartbeat.
    heartbeats: u64,
    /// How long that number has been the same, as far as it counts.
    unchanged_for: Duration,
}

/// The result of one reading of all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    /// Nodes that are not expired, by id.
    pub live: Vec<Node>,
    /// Registrations that are expired, each with the number of its last heartbeat.
    pub expired: Vec<(LeaseOwner, u64)>,
}

impl FailureDetector {
    /// Takes in all nodes as read at `now`, of any clock that never goes back, and the registrations that were
    /// `replaced`, with their expiries: these send no heartbeats any more, and expire once they must know that they
    /// were replaced.
    ///
    /// A pause between two readings counts for at most a quarter of an expiry: during a longer one the observer itself
    /// was stopped, or the metastore was out of reach, so that nobody could send a heartbeat. Every node then has time
    /// to send another one.
    pub fn observe(&mut self, rows: &[Node], replaced: &[(LeaseOwner, Duration)], now: Duration) -> Liveness {
        let pause = self.last_reading.replace(now).map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let mut observations = BTreeMap::new();
        let mut liveness = Liveness::default();
        let mut is_expired = |owner: LeaseOwner, heartbeats: u64, expiry: Duration| {
            let pause = pause.min(expiry / PAUSE_DIVISOR);
            let known = self.observations.get(&owner).filter(|observation| observation.heartbeats == heartbeats);
            let unchanged_for = known.map_or(Duration::ZERO, |observation| observation.unchanged_for + pause);
            observations.insert(owner, Observation { heartbeats, unchanged_for });
            unchanged_for >= expiry
        };
        for node in rows {
            if is_expired(node.lease_owner(), node.heartbeats, node.expiry) {
                liveness.expired.push((node.lease_owner(), node.heartbeats));
            } else {
                liveness.live.push(node.clone());
            }
        }
        let expired = replaced.iter().filter(|(owner, expiry)| is_expired(*owner, u64::MAX, *expiry));
        liveness.expired.extend(expired.map(|(owner, _)| (*owner, u64::MAX)));
        liveness.live.sort_by_key(|node| node.id);
        self.observations = observations;
        liveness
    }
}

/// The registrations that are live, and the state of each: a change of these is what other parts of a process react to.
#[must_use]
pub fn live_states(live: &[Node]) -> Vec<(LeaseOwner, NodeState)> {
    live.iter().map(|node| (node.lease_owner(), node.state)).collect()
}
