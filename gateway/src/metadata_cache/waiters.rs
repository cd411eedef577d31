//! Wakes long polls when a partition that they watch changes.
//!
//! A fetch begins its watch before it reads the cache, and a change is applied before it wakes watches. A wake-up that
//! comes while the fetch does not wait is delivered as soon as it does. So no wake-up is missed, whichever comes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::TopicPartition;
use tokio::sync::Notify;

/// The watches by partition. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Waiters {
    watches: Arc<Mutex<HashMap<TopicPartition, Vec<Arc<Notify>>>>>,
}

/// A watch of some partitions; ends when dropped.
#[derive(Debug)]
pub struct Watch {
    waiters: Waiters,
    partitions: Vec<TopicPartition>,
    wake: Arc<Notify>,
}

impl Waiters {
    /// Watches `partitions` from now on.
    #[must_use]
    pub fn watch(&self, partitions: impl IntoIterator<Item = TopicPartition>) -> Watch {
        let mut partitions: Vec<TopicPartition> = partitions.into_iter().collect();
        partitions.sort_unstable();
        partitions.dedup();
        let wake = Arc::new(Notify::new());
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in &partitions {
            watches.entry(*partition).or_default().push(Arc::clone(&wake));
        }
        drop(watches);
        Watch { waiters: self.clone(), partitions, wake }
    }

    /// Wakes every watch of one of `changed`.
    pub fn wake(&self, changed: &[TopicPartition]) {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in changed.iter().filter_map(|partition| watches.get(partition)).flatten() {
            waiting.notify_one();
        }
    }

    /// Wakes every watch.
    pub fn wake_all(&self) {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.values().flatten().for_each(|waiting| waiting.notify_one());
    }

    #[cfg(test)]
    fn watched(&self) -> usize {
        self.watches.lock().expect("no test panics while it holds the lock").len()
    }
}

impl Watch {
    /// Waits for a change since the watch began, or since this last returned.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = self.waiters.watches.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in &self.partitions {
            if let Some(waiting) = watches.get_mut(partition) {
                waiting.retain(|other| !Arc::ptr_eq(other, &self.wake));
                if waiting.is_empty() {
                    watches.remove(partition);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::{PartitionIndex, TopicId};
    use futures::FutureExt;

    use super::*;

    fn partition(index: i32) -> TopicPartition {
        TopicPartition::new(TopicId::default(), PartitionIndex(index))
    }

    #[test]
    fn a_change_before_the_wait_still_wakes() {
        let waiters = Waiters::default();
        let watch = waiters.watch([partition(1), partition(2)]);
        waiters.wake(&[partition(2)]);
        assert!(watch.changed().now_or_never().is_some());
        assert!(watch.changed().now_or_never().is_none());
    }

    #[test]
    fn only_watches_of_the_partition_wake() {
        let waiters = Waiters::default();
        let watch = waiters.watch([partition(1)]);
        waiters.wake(&[partition(2)]);
        assert!(watch.changed().now_or_never().is_none());
        waiters.wake_all();
        assert!(watch.changed().now_or_never().is_some());
    }

    #[test]
    fn a_dropped_watch_leaves_nothing_behind() {
        let waiters = Waiters::default();
        let one = waiters.watch([partition(1), partition(1)]);
        let two = waiters.watch([partition(1), partition(2)]);
        drop(one);
        assert_eq!(waiters.watched(), 2);
        waiters.wake(&[partition(1)]);
        assert!(two.changed().now_or_never().is_some());
        drop(two);
        assert_eq!(waiters.watched(), 0);
    }
}
