//! The engine over a [`Storage`]: puts its parts together and closes them.

use std::sync::Arc;

use super::{
    Snapshot, Storage, attempt::EmbeddedAttempt, commit_queue::CommitQueue, committer::Committer, state::EmbeddedState,
};
use crate::kv::{Attempt, Engine, Error, Metrics};

/// An engine over `S`. Needs a Tokio runtime if `S` blocks.
pub(in crate::kv) struct Embedded<S: Storage> {
    state: Arc<EmbeddedState<S>>,
    queue: Arc<CommitQueue<S>>,
}

impl<S: Storage> Embedded<S> {
    /// An engine on the rows that `storage` has.
    pub fn new(mut storage: S) -> Result<Self, Error> {
        let snapshot = storage.snapshot()?;
        let takes_in_doubt = storage.takes_in_doubt();
        let committer = Committer::new(storage, snapshot.version());
        let state = Arc::new(EmbeddedState::new(snapshot, takes_in_doubt));
        let queue = Arc::new(CommitQueue::new(state.clone(), committer));
        Ok(Self { state, queue })
    }

    /// Closes the engine: answered commits stay durable, everything else fails from now on. Waits for a batch under
    /// way.
    pub fn close(&self) {
        // Locked before the publication: a batch under way would publish over it.
        let mut committer = self.queue.committer();
        let storage = committer.close();
        self.state.publish(Err(Error::Closed));
        drop(committer);
        self.state.watches.close();
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
        Arc::new(EmbeddedAttempt::new(self.state.clone(), self.queue.clone()))
    }

    fn metrics(&self) -> &Metrics {
        &self.state.metrics
    }

    fn takes_pending_objects(&self) -> bool {
        self.state.takes_in_doubt
    }
}
