//! What the attempts and the committer of one engine share.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use super::{
    Snapshot, Storage,
    submission::Submission,
    watches::{PendingWatch, Watches},
};
use crate::kv::{Error, Metrics};

/// The state of one engine. Attempts read it, the committer changes it.
pub(super) struct EmbeddedState<S: Storage> {
    /// The snapshot that new attempts read, or why they cannot.
    published: RwLock<Result<Arc<S::Snapshot>, Error>>,
    /// Whether a read met a failure of the store, which must be recovered before it is used again.
    recovery_requested: AtomicBool,
    /// Whether the store takes batches in doubt.
    pub takes_in_doubt: bool,
    /// The armed watches.
    pub watches: Arc<Watches>,
    /// Counters of the engine.
    pub metrics: Metrics,
}

impl<S: Storage> EmbeddedState<S> {
    /// The state of an open engine that reads `snapshot`.
    pub fn new(snapshot: S::Snapshot, takes_in_doubt: bool) -> Self {
        Self {
            published: RwLock::new(Ok(Arc::new(snapshot))),
            recovery_requested: AtomicBool::new(false),
            takes_in_doubt,
            watches: Arc::default(),
            metrics: Metrics::default(),
        }
    }

    /// The snapshot that a new attempt reads.
    pub fn published(&self) -> Result<Arc<S::Snapshot>, Error> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the snapshot that new attempts read.
    pub fn publish(&self, snapshot: Result<Arc<S::Snapshot>, Error>) {
        let before = std::mem::replace(&mut *self.published.write().unwrap_or_else(PoisonError::into_inner), snapshot);
        // Dropped outside the lock: the last holder of a snapshot returns its pages to the store.
        drop(before);
    }

    /// Has the committer recover the store before its next commit.
    pub fn request_recovery(&self) {
        self.recovery_requested.store(true, Ordering::Release);
    }

    /// Whether a recovery was requested since the last call.
    pub fn take_recovery_request(&self) -> bool {
        self.recovery_requested.swap(false, Ordering::AcqRel)
    }

    /// Arms the watches of a transaction that has nothing more to commit.
    pub fn arm(&self, watches: Vec<PendingWatch>) {
        for watch in watches {
            let key = watch.key.clone();
            self.watches.arm(watch, || self.published()?.get(&key));
        }
    }

    /// Arms the watches of a committed `submission` and answers it.
    pub fn acknowledge(&self, mut submission: Submission) {
        self.arm(std::mem::take(&mut submission.watches));
        submission.answer(Ok(()));
    }
}
