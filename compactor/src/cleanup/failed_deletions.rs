//! Objects whose deletion failed, and when each is tried again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_model::{ObjectId, Timestamp};

/// Wait after the first failure; each later wait is twice as long.
const WAIT_MIN: Duration = Duration::from_secs(60);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// Objects remembered, about 40 B each; if more fail, the others are tried in every pass.
const OBJECTS_MAX: usize = 10_000;

/// The objects that could not be deleted.
#[derive(Default)]
pub(crate) struct FailedDeletions(Mutex<BTreeMap<ObjectId, Failed>>);

#[derive(Clone, Copy)]
struct Failed {
    times: u32,
    again_at: Timestamp,
}

impl FailedDeletions {
    /// Whether it is too early to try again.
    pub(crate) fn is_waiting(&self, id: ObjectId, now: Timestamp) -> bool {
        self.map().get(&id).is_some_and(|failed| now < failed.again_at)
    }

    pub(crate) fn len(&self) -> usize {
        self.map().len()
    }

    /// A deletion failed at `now`.
    pub(crate) fn add(&self, id: ObjectId, now: Timestamp) {
        let mut map = self.map();
        if map.len() >= OBJECTS_MAX && !map.contains_key(&id) {
            return;
        }
        let times = map.get(&id).map_or(0, |failed| failed.times).saturating_add(1);
        let wait = WAIT_MIN.saturating_mul(1 << (times - 1).min(16)).min(WAIT_MAX);
        map.insert(id, Failed { times, again_at: now.plus(wait) });
    }

    /// Deletions that succeeded.
    pub(crate) fn remove(&self, ids: &[ObjectId]) {
        let mut map = self.map();
        for id in ids {
            map.remove(id);
        }
    }

    pub(crate) fn clear(&self) {
        self.map().clear();
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<ObjectId, Failed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
