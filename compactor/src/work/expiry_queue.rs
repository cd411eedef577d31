//! When retention has to look at which partition. Pure.
//!
//! A partition takes memory, about 100 B, if something of it will expire, or if it was written to since the last look.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_model::{Timestamp, TopicPartition};

/// The partitions by the time at which retention looks at them.
#[derive(Default)]
pub(crate) struct ExpiryQueue {
    partitions: BTreeMap<TopicPartition, Expiry>,
    due: BTreeSet<(Timestamp, TopicPartition)>,
}

#[derive(Clone, Copy)]
struct Expiry {
    due: Timestamp,
    /// Whether the size of the partition is limited, so that every append may make something expire.
    by_size: bool,
}

impl ExpiryQueue {
    /// Something was appended at `now`. If nothing is known of the partition, it is looked at.
    pub(crate) fn append(&mut self, partition: TopicPartition, now: Timestamp) {
        match self.partitions.get(&partition) {
            Some(expiry) if expiry.by_size && expiry.due > now => self.set(partition, now, true),
            Some(_) => {}
            None => self.set(partition, now, false),
        }
    }

    /// Asks for a look at `at`.
    pub(crate) fn look_at(&mut self, partition: TopicPartition, at: Timestamp) {
        self.set(partition, at, false);
    }

    /// The partition was looked at, and something may expire at `next`.
    pub(crate) fn looked(&mut self, partition: TopicPartition, next: Option<Timestamp>, by_size: bool) {
        // It is known again if something was appended during the look.
        let appended = self.partitions.get(&partition).map(|expiry| expiry.due);
        if let Some(due) = [next, appended].into_iter().flatten().min() {
            self.set(partition, due, by_size);
        }
    }

    /// The next partition to look at; it is forgotten unless [`Self::looked`] follows.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<TopicPartition> {
        let (_, partition) = *self.due.first().filter(|(due, _)| *due <= now)?;
        self.remove(partition);
        Some(partition)
    }

    /// Partitions that are to be looked at by `now`.
    pub(crate) fn due(&self, now: Timestamp) -> usize {
        self.due.iter().take_while(|(due, _)| *due <= now).count()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn set(&mut self, partition: TopicPartition, due: Timestamp, by_size: bool) {
        self.remove(partition);
        self.partitions.insert(partition, Expiry { due, by_size });
        self.due.insert((due, partition));
    }

    fn remove(&mut self, partition: TopicPartition) {
        if let Some(Expiry { due, .. }) = self.partitions.remove(&partition) {
            self.due.remove(&(due, partition));
        }
    }
}
