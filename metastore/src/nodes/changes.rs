//! Who waits for changes of the nodes.
//!
//! Invariant: those who wait are woken in the order in which they came, so that a simulated run is the same each time. (One
//! channel for all would wake them in a random order.)

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// One channel for each who waits.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    changes: u64,
    waiting: Vec<watch::Sender<u64>>,
    /// When so many wait, those are forgotten who are gone: at twice as many as there were the last time, so that it costs
    /// each who comes the same, however many there are.
    forget_at: usize,
}

/// Fewer are not worth looking for those who are gone.
const FORGET_AT_MIN: usize = 16;

impl Changes {
    /// One more who waits.
    pub fn watch(&self) -> watch::Receiver<u64> {
        let mut told = self.told();
        if told.waiting.len() >= told.forget_at {
            told.waiting.retain(|sender| !sender.is_closed());
            told.forget_at = FORGET_AT_MIN.max(2 * told.waiting.len());
        }
        let (sender, receiver) = watch::channel(told.changes);
        told.waiting.push(sender);
        receiver
    }

    /// Something changed.
    pub fn tell(&self) {
        let mut told = self.told();
        told.changes += 1;
        let changes = told.changes;
        told.waiting.retain(|sender| sender.send(changes).is_ok());
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_of_a_change_and_whoever_is_gone_is_forgotten() {
        let changes = Changes::default();
        let (mut one, other) = (changes.watch(), changes.watch());
        drop(other);
        changes.tell();
        one.changed().await.expect("it changed");
        assert_eq!(*one.borrow(), 1);
        assert_eq!(changes.told().waiting.len(), 1);
        assert!(!changes.watch().has_changed().expect("it is open"));
    }

    #[test]
    fn those_who_come_and_go_do_not_pile_up() {
        let changes = Changes::default();
        let stay: Vec<_> = (0..20).map(|_| changes.watch()).collect();
        for _ in 0..1_000 {
            drop(changes.watch());
        }
        let waiting = changes.told().waiting.len();
        assert!(waiting <= 2 * stay.len() + FORGET_AT_MIN, "{waiting} of {}", stay.len());
    }
}
