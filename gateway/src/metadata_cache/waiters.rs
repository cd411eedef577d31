//! Who waits for which partition to change.
//!
//! A watcher registers first and looks afterwards; a change is applied first and wakes afterwards. A wake-up that finds
//! its watcher busy is kept for when it next waits. So none is lost, whichever comes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::TopicPartition;
use tokio::sync::Notify;

/// The register. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Waiters {
    register: Arc<Mutex<HashMap<TopicPartition, Vec<Arc<Notify>>>>>,
}

/// A place in the register, given up when dropped.
#[derive(Debug)]
pub struct Watch {
    waiters: Waiters,
    partitions: Vec<TopicPartition>,
    wake: Arc<Notify>,
}

impl Waiters {
    /// Watches `partitions`.
    #[must_use]
    pub fn watch(&self, partitions: impl IntoIterator<Item = TopicPartition>) -> Watch {
        let mut partitions: Vec<TopicPartition> = partitions.into_iter().collect();
        partitions.sort_unstable();
        partitions.dedup();
        let wake = Arc::new(Notify::new());
        let mut register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in &partitions {
            register.entry(*partition).or_default().push(Arc::clone(&wake));
        }
        drop(register);
        Watch { waiters: self.clone(), partitions, wake }
    }

    /// Wakes everyone who watches one of `changed`.
    pub fn wake(&self, changed: &[TopicPartition]) {
        let register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in changed.iter().filter_map(|partition| register.get(partition)).flatten() {
            waiting.notify_one();
        }
    }

    /// Wakes everyone.
    pub fn wake_all(&self) {
        let register = self.register.lock().unwrap_or_else(PoisonError::into_inner);
        register.values().flatten().for_each(|waiting| waiting.notify_one());
    }

    #[cfg(test)]
    fn watched(&self) -> usize {
        self.register.lock().expect("no test panics while it holds the register").len()
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
        let mut register = self.waiters.register.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in &self.partitions {
            if let Some(waiting) = register.get_mut(partition) {
                waiting.retain(|other| !Arc::ptr_eq(other, &self.wake));
                if waiting.is_empty() {
                    register.remove(partition);
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
    fn only_those_who_watch_the_partition_wake() {
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
