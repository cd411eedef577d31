//! Group commit: attempts wait here for a batch. An attempt that finds no leader at work becomes the leader and commits
//! batches until none is waiting. So a lone commit waits for nobody, and those that arrive during an fsync share the
//! next.
//!
//! A leader works on the runtime on which the engine was opened, whichever runtime the attempt came from: a runtime
//! that runs its threads at a lower priority would make everybody's commits as slow as its own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::Semaphore};

use super::{Storage, committer::Committer, state::EmbeddedState, submission::Submission};
use crate::kv::{
    Error,
    limits::{BATCH_BYTES_MAX, BATCH_TRANSACTIONS_MAX, COMMITS_WAITING_MAX},
};

pub(super) struct CommitQueue<S: Storage> {
    state: Arc<EmbeddedState<S>>,
    committer: Mutex<Committer<S>>,
    waiting: Mutex<QueuedSubmissions>,
    capacity: Semaphore,
    /// Where leaders work; `None` if the engine was opened outside of any runtime.
    runtime: Option<Handle>,
}

#[derive(Default)]
struct QueuedSubmissions {
    submissions: VecDeque<Submission>,
    has_leader: bool,
}

impl<S: Storage> CommitQueue<S> {
    /// An empty queue. Its leaders work on the current runtime, if there is one.
    pub fn new(state: Arc<EmbeddedState<S>>, committer: Committer<S>) -> Self {
        Self {
            state,
            committer: Mutex::new(committer),
            waiting: Mutex::default(),
            capacity: Semaphore::new(COMMITS_WAITING_MAX),
            runtime: Handle::try_current().ok(),
        }
    }

    /// Queues `submission`, and leads if nobody does. Waits while the queue is full.
    pub async fn submit(self: &Arc<Self>, submission: Submission) -> Result<(), Error> {
        // Given back when the submission is taken out, whether its attempt still waits or not.
        self.capacity.acquire().await.map_err(|_| Error::Closed)?.forget();
        {
            let mut waiting = self.waiting();
            waiting.submissions.push_back(submission);
            if std::mem::replace(&mut waiting.has_leader, true) {
                return Ok(());
            }
        }
        let leader = Leader { queue: self.clone(), has_resigned: false };
        if S::BLOCKS {
            // Not awaited: the answer comes through the submission. A runtime that is shutting down may drop the
            // closure unrun; that drops the leader too, so that another attempt can lead.
            let runtime = self.runtime.clone().unwrap_or_else(Handle::current);
            drop(runtime.spawn_blocking(move || leader.lead()));
        } else {
            leader.lead();
        }
        Ok(())
    }

    /// The committer, locked: it commits one batch at a time.
    pub fn committer(&self) -> MutexGuard<'_, Committer<S>> {
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch. If it is empty, the queue has no leader any more.
    fn take_batch(&self) -> Vec<Submission> {
        let mut waiting = self.waiting();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < BATCH_TRANSACTIONS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(submission) = waiting.submissions.pop_front() else { break };
            bytes += submission.bytes;
            taken.push(submission);
        }
        waiting.has_leader = !taken.is_empty();
        self.capacity.add_permits(taken.len());
        taken
    }

    fn waiting(&self) -> MutexGuard<'_, QueuedSubmissions> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempt that commits for all. Dropping it, even by a panic, lets another lead.
struct Leader<S: Storage> {
    queue: Arc<CommitQueue<S>>,
    /// Whether `take_batch` ended this leadership, and another may lead by now.
    has_resigned: bool,
}

impl<S: Storage> Leader<S> {
    fn lead(mut self) {
        loop {
            let batch = self.queue.take_batch();
            if batch.is_empty() {
                self.has_resigned = true;
                return;
            }
            self.queue.committer().commit(&self.queue.state, batch);
        }
    }
}

impl<S: Storage> Drop for Leader<S> {
    fn drop(&mut self) {
        if !self.has_resigned {
            self.queue.waiting().has_leader = false;
        }
    }
}
