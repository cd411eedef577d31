//! The agent's tasks: every one spawned here, with a name and one cancel token, and waited for at the end. A simulation
//! hands in a [`Life`], by which it stops or ends all of them at once.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::Life;

/// Where tasks are spawned and how they are told to stop.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
    /// None: they live as long as the process around them.
    life: Option<Life>,
}

impl Tasks {
    /// No task yet; `cancel` stops all that will be.
    #[must_use]
    pub fn new(cancel: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), cancel, life: None }
    }

    /// The same, of a process that is simulated within this one.
    #[must_use]
    pub fn simulated(cancel: CancellationToken, life: Life) -> Self {
        Self { tracker: TaskTracker::new(), cancel, life: Some(life) }
    }

    /// A token that is cancelled when the tasks are to stop.
    #[must_use]
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Runs `task` until it ends by itself; it watches [`Self::cancelled`] for its cue.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let task = task.instrument(tracing::info_span!("task", name));
        match &self.life {
            None => self.tracker.spawn(task),
            Some(life) => {
                let bound = life.bind(task);
                self.tracker.spawn(async move {
                    // Ended or not: there is nothing to tell.
                    let _ = bound.await;
                })
            }
        };
    }

    /// `work` that a task of these spawns by itself, as a part of the same process: it waits for ever where the process
    /// ends, until its owner drops it.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> T {
        let Some(life) = self.life else { return work.await };
        match life.bind(work).await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    /// Tells all tasks to stop and waits for them, at most `patience`. Whether all have ended.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
