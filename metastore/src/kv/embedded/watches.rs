//! The watches of an engine: each waits until the value of its key differs from the one that its transaction saw.
//!
//! Invariant: no watch misses a change. The committer publishes a snapshot, then fires watches; arming registers the
//! watch, then compares with the published snapshot. Whichever of the two comes second sees the other.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Batch;
use crate::kv::{Error, Watch, limits::WATCHES_MAX};

#[derive(Debug, Default)]
pub(super) struct Watches(Mutex<WatchTable>);

#[derive(Debug, Default)]
struct WatchTable {
    /// The armed watches of each key.
    armed: BTreeMap<Bytes, Vec<PendingWatch>>,
    /// Armed watches over all keys.
    count: usize,
    next_id: u64,
    closed: bool,
}

/// A watch that its transaction has not armed yet.
#[derive(Debug)]
pub(super) struct PendingWatch {
    id: u64,
    /// The watched key.
    pub key: Bytes,
    /// The value that the transaction saw; `None` if there was none.
    seen: Option<Bytes>,
    fire: oneshot::Sender<Result<(), Error>>,
}

/// The waiting half. The receiver is dropped first, so that a watch that is dropped while it is being armed is either
/// ignored by `insert` or removed by the registration.
struct WatchReceiver {
    fired: oneshot::Receiver<Result<(), Error>>,
    _registration: Registration,
}

impl WatchReceiver {
    /// A method, so that the future owns both fields.
    async fn result(mut self) -> Result<(), Error> {
        (&mut self.fired).await.unwrap_or(Err(Error::WatchNotArmed))
    }
}

/// Removes the watch from the table once nobody waits for it.
struct Registration {
    watches: Arc<Watches>,
    key: Bytes,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.watches.table().remove(&self.key, self.id);
    }
}

impl Watches {
    /// A watch for `key` to have another value than `seen`, in two halves: one to arm, one to wait on.
    pub fn pair(self: &Arc<Self>, key: Bytes, seen: Option<Bytes>) -> (PendingWatch, Watch) {
        let id = {
            let mut table = self.table();
            table.next_id += 1;
            table.next_id
        };
        let (fire, fired) = oneshot::channel();
        let registration = Registration { watches: self.clone(), key: key.clone(), id };
        let waiting = WatchReceiver { fired, _registration: registration };
        (PendingWatch { id, key, seen, fire }, Watch::new(waiting.result()))
    }

    /// Arms `watch`; `current` reads the published value and is called after the registration.
    pub fn arm(&self, watch: PendingWatch, current: impl FnOnce() -> Result<Option<Bytes>, Error>) {
        let (key, id, seen) = (watch.key.clone(), watch.id, watch.seen.clone());
        if !self.table().insert(watch) {
            return;
        }
        let fired = match current() {
            Ok(value) if value == seen => return,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Some(watch) = self.table().remove(&key, id) {
            watch.fire(fired);
        }
    }

    /// Fires the watches whose values `batch` changed.
    pub fn fire(&self, batch: &Batch) {
        let fired = self.table().take_changed(batch);
        fired.into_iter().for_each(|watch| watch.fire(Ok(())));
    }

    /// Ends all watches, and those that are armed later.
    pub fn close(&self) {
        let armed = {
            let mut table = self.table();
            table.closed = true;
            table.count = 0;
            std::mem::take(&mut table.armed)
        };
        armed.into_values().flatten().for_each(|watch| watch.fire(Err(Error::Closed)));
    }

    fn table(&self) -> MutexGuard<'_, WatchTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingWatch {
    fn fire(self, result: Result<(), Error>) {
        // An error only means that nobody waits any more.
        let _ = self.fire.send(result);
    }
}

impl WatchTable {
    /// Whether `watch` is armed now; if not, it ended with the reason.
    fn insert(&mut self, watch: PendingWatch) -> bool {
        if self.closed {
            watch.fire(Err(Error::Closed));
        } else if self.count >= WATCHES_MAX {
            watch.fire(Err(Error::TooManyWatches));
        } else if !watch.fire.is_closed() {
            self.count += 1;
            self.armed.entry(watch.key.clone()).or_default().push(watch);
            return true;
        }
        false
    }

    fn remove(&mut self, key: &[u8], id: u64) -> Option<PendingWatch> {
        let waiting = self.armed.get_mut(key)?;
        let at = waiting.iter().position(|watch| watch.id == id)?;
        let watch = waiting.swap_remove(at);
        if waiting.is_empty() {
            self.armed.remove(key);
        }
        self.count -= 1;
        Some(watch)
    }

    fn take_changed(&mut self, batch: &Batch) -> Vec<PendingWatch> {
        if self.count == 0 {
            return Vec::new();
        }
        let mut changed = Vec::new();
        let mut take = |waiting: &mut Vec<PendingWatch>, value: Option<&Bytes>| {
            changed.extend(waiting.extract_if(.., |watch| watch.seen.as_ref() != value));
        };
        for (begin, end) in &batch.cleared {
            for (key, waiting) in self.armed.range_mut::<[u8], _>((Included(&begin[..]), Excluded(&end[..]))) {
                if !batch.rows.contains_key(key) {
                    take(waiting, None);
                }
            }
        }
        for (key, value) in &batch.rows {
            if let Some(waiting) = self.armed.get_mut(key) {
                take(waiting, value.as_ref());
            }
        }
        for watch in &changed {
            if self.armed.get(&watch.key).is_some_and(Vec::is_empty) {
                self.armed.remove(&watch.key);
            }
        }
        self.count -= changed.len();
        changed
    }
}
