//! Where attempts wait for a batch. Whoever finds nobody at work leads: it commits batches until none is waiting. So a lone
//! commit waits for nobody, and those that arrive during an fsync share the next one.
//!
//! A leader works on the runtime on which the engine was opened, whoever asked: one that runs its threads at a lower
//! priority would make everybody's commits as slow as its own.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::Semaphore};

use super::{Storage, committer::Submission, engine::Shared};
use crate::kv::{
    Error,
    limits::{BATCH_BYTES_MAX, BATCH_TRANSACTIONS_MAX, COMMITS_WAITING_MAX},
};

pub(super) struct CommitQueue {
    line: Mutex<Line>,
    room: Semaphore,
    /// Where leaders work; none where the engine was opened outside of any runtime.
    home: Option<Handle>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Submission>,
    is_led: bool,
}

impl CommitQueue {
    pub fn new() -> Self {
        Self { line: Mutex::default(), room: Semaphore::new(COMMITS_WAITING_MAX), home: Handle::try_current().ok() }
    }

    /// Queues `submission`; leads, where nobody does. Waits while the queue is full.
    pub async fn submit<S: Storage>(shared: &Arc<Shared<S>>, submission: Submission) -> Result<(), Error> {
        let queue = &shared.queue;
        // Given back when the submission is taken out, whether its owner still waits or not.
        queue.room.acquire().await.map_err(|_| Error::Closed)?.forget();
        {
            let mut line = queue.line();
            line.waiting.push_back(submission);
            if std::mem::replace(&mut line.is_led, true) {
                return Ok(());
            }
        }
        let leader = Leader { shared: shared.clone(), is_relieved: false };
        if S::BLOCKS {
            // Not awaited: the answer comes through the submission. On a runtime that is shutting down the closure may be
            // dropped unrun; so is the leader, and its place free again.
            let home = queue.home.clone().unwrap_or_else(Handle::current);
            drop(home.spawn_blocking(move || leader.lead()));
        } else {
            leader.lead();
        }
        Ok(())
    }

    /// The next batch; none, and the lead given up, where nobody waits.
    fn take(&self) -> Vec<Submission> {
        let mut line = self.line();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < BATCH_TRANSACTIONS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(submission) = line.waiting.pop_front() else { break };
            bytes += submission.bytes;
            taken.push(submission);
        }
        line.is_led = !taken.is_empty();
        self.room.add_permits(taken.len());
        taken
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one at work; gives its place up when dropped, even by a panic.
struct Leader<S: Storage> {
    shared: Arc<Shared<S>>,
    /// Whether the place was given up already, and may be another's by now.
    is_relieved: bool,
}

impl<S: Storage> Leader<S> {
    fn lead(mut self) {
        loop {
            let batch = self.shared.queue.take();
            if batch.is_empty() {
                self.is_relieved = true;
                return;
            }
            self.shared.committer().commit(&self.shared, batch);
        }
    }
}

impl<S: Storage> Drop for Leader<S> {
    fn drop(&mut self) {
        if !self.is_relieved {
            self.shared.queue.line().is_led = false;
        }
    }
}
