//! The engine over a [`Storage`]: what its attempts and its committer share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use super::{
    Snapshot, Storage,
    attempt::EmbeddedAttempt,
    commit_queue::CommitQueue,
    committer::{Committer, Submission},
    watches::{PendingWatch, Watches},
};
use crate::kv::{Attempt, Engine, Error, Metrics};

/// An engine over `S`. Needs a Tokio runtime where `S` blocks.
pub(in crate::kv) struct Embedded<S: Storage>(Arc<Shared<S>>);

pub(super) struct Shared<S: Storage> {
    /// What attempts that begin now read, or why they cannot.
    published: RwLock<Result<Arc<S::Snapshot>, Error>>,
    /// Whether a read met a failure of the store, so that it must be recovered before it is used again.
    suspect: AtomicBool,
    committer: Mutex<Committer<S>>,
    pub queue: CommitQueue,
    pub watches: Arc<Watches>,
    pub metrics: Metrics,
}

impl<S: Storage> Embedded<S> {
    pub fn new(mut storage: S) -> Result<Self, Error> {
        let snapshot = storage.snapshot()?;
        let committer = Committer::new(storage, snapshot.version());
        Ok(Self(Arc::new(Shared {
            published: RwLock::new(Ok(Arc::new(snapshot))),
            suspect: AtomicBool::new(false),
            committer: Mutex::new(committer),
            queue: CommitQueue::new(),
            watches: Arc::default(),
            metrics: Metrics::default(),
        })))
    }

    /// Ends it: what was answered stays, all else fails from now on. Waits for a batch under way.
    pub fn close(&self) {
        // Taken before the publication: a batch under way would publish over it.
        let mut committer = self.0.committer();
        let storage = committer.close();
        self.0.publish(Err(Error::Closed));
        drop(committer);
        self.0.watches.close();
        drop(storage);
    }
}

impl<S: Storage> Drop for Embedded<S> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<S: Storage> Engine for Embedded<S> {
    fn begin(&self) -> Arc<dyn Attempt> {
        Arc::new(EmbeddedAttempt::new(self.0.clone()))
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}

impl<S: Storage> Shared<S> {
    pub fn published(&self) -> Result<Arc<S::Snapshot>, Error> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn publish(&self, snapshot: Result<Arc<S::Snapshot>, Error>) {
        let before = std::mem::replace(&mut *self.published.write().unwrap_or_else(PoisonError::into_inner), snapshot);
        // Outside the lock: the last holder of a snapshot gives its pages back.
        drop(before);
    }

    pub fn suspect(&self) {
        self.suspect.store(true, Ordering::Release);
    }

    pub fn take_suspicion(&self) -> bool {
        self.suspect.swap(false, Ordering::AcqRel)
    }

    pub fn committer(&self) -> MutexGuard<'_, Committer<S>> {
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn arm(&self, watches: Vec<PendingWatch>) {
        for watch in watches {
            let key = watch.key.clone();
            self.watches.arm(watch, || self.published()?.get(&key));
        }
    }

    pub fn committed(&self, mut submission: Submission) {
        self.arm(std::mem::take(&mut submission.watches));
        submission.answer(Ok(()));
    }
}
