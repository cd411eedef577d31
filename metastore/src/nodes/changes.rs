//! Subscribers to changes of the live nodes.
//!
//! Invariant: subscribers are woken in the order in which they subscribed, so that a simulated run is the same each
//! time. (One channel for all would wake them in a random order.)

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// One channel for each subscriber.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Subscribers>);

#[derive(Debug, Default)]
struct Subscribers {
    /// Number of changes so far.
    changes: u64,
    senders: Vec<watch::Sender<u64>>,
    /// At this many senders those whose receivers are dropped are removed. It is then set to twice the number that is
    /// left, so that the cost of a subscription does not depend on the number of subscribers.
    prune_at: usize,
}

/// Fewer senders are not worth pruning.
const PRUNE_AT_MIN: usize = 16;

impl Changes {
    /// A new subscriber: its value is the number of changes so far.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        let mut subscribers = self.subscribers();
        if subscribers.senders.len() >= subscribers.prune_at {
            subscribers.senders.retain(|sender| !sender.is_closed());
            subscribers.prune_at = PRUNE_AT_MIN.max(2 * subscribers.senders.len());
        }
        let (sender, receiver) = watch::channel(subscribers.changes);
        subscribers.senders.push(sender);
        receiver
    }

    /// Wakes all subscribers, because the live nodes changed.
    pub fn notify(&self) {
        let mut subscribers = self.subscribers();
        subscribers.changes += 1;
        let changes = subscribers.changes;
        subscribers.senders.retain(|sender| sender.send(changes).is_ok());
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_subscriber_is_notified_and_dropped_ones_are_removed() {
        let changes = Changes::default();
        let (mut one, other) = (changes.subscribe(), changes.subscribe());
        drop(other);
        changes.notify();
        one.changed().await.expect("it changed");
        assert_eq!(*one.borrow(), 1);
        assert_eq!(changes.subscribers().senders.len(), 1);
        assert!(!changes.subscribe().has_changed().expect("it is open"));
    }

    #[test]
    fn subscribers_that_come_and_go_do_not_pile_up() {
        let changes = Changes::default();
        let stay: Vec<_> = (0..20).map(|_| changes.subscribe()).collect();
        for _ in 0..1_000 {
            drop(changes.subscribe());
        }
        let senders = changes.subscribers().senders.len();
        assert!(senders <= 2 * stay.len() + PRUNE_AT_MIN, "{senders} of {}", stay.len());
    }
}
