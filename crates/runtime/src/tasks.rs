//! A process's tasks: every one is spawned here, under a name, is told to stop by one cancel token, and is waited for at the
//! end. A simulation hands in a simulated process (feature `testing`), which pauses or ends all of them at once.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

#[cfg(any(test, feature = "testing"))]
use crate::SimulatedProcess;

/// Where tasks are spawned and how they are told to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
    /// `None`: the tasks live as long as the real process.
    #[cfg(any(test, feature = "testing"))]
    simulated: Option<SimulatedProcess>,
}

impl Tasks {
    /// No task yet; `cancel` stops all that will be.
    #[must_use]
    pub fn new(cancel: CancellationToken) -> Self {
        Self { cancel, ..Self::default() }
    }

    /// The same, of a process that is simulated within this one.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn simulated(cancel: CancellationToken, process: SimulatedProcess) -> Self {
        Self { cancel, simulated: Some(process), ..Self::default() }
    }

    /// A token that is cancelled when the tasks are to stop.
    #[must_use]
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Runs `task` until it ends by itself; it watches [`Self::cancelled`] to know when.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let task = task.instrument(tracing::info_span!("task", name));
        #[cfg(any(test, feature = "testing"))]
        if let Some(process) = &self.simulated {
            let bound = process.bind(task);
            self.tracker.spawn(async move {
                // Whether the task or its process ended first makes no difference here.
                let _ = bound.await;
            });
            return;
        }
        self.tracker.spawn(task);
    }

    /// `work` that a task of these spawns by itself, as a part of the same process: if the process ends first, the future
    /// stays pending until its owner drops it.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> T {
        #[cfg(any(test, feature = "testing"))]
        if let Some(process) = self.simulated {
            return match process.bind(work).await {
                Some(done) => done,
                None => std::future::pending().await,
            };
        }
        work.await
    }

    /// Tells all tasks to stop and waits for them, at most `timeout`. Whether all have ended.
    pub async fn stop(&self, timeout: Duration) -> bool {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(timeout, self.tracker.wait()).await.is_ok()
    }
}
