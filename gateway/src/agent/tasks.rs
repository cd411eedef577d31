//! The agent's tasks: every one spawned here, with a name and one cancel token, and waited for at the end.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Where tasks are spawned and how they are told to stop.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
}

impl Tasks {
    /// No task yet; `cancel` stops all that will be.
    #[must_use]
    pub fn new(cancel: CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), cancel }
    }

    /// A token that is cancelled when the tasks are to stop.
    #[must_use]
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Runs `task` until it ends by itself; it watches [`Self::cancelled`] for its cue.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task.instrument(tracing::info_span!("task", name)));
    }

    /// Tells all tasks to stop and waits for them, at most `patience`. Whether all have ended.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
