//! The tasks of a process: each is spawned here, under a name, is stopped by one cancel token, and is waited for
//! at the end. A simulation hands in a simulated process (feature `testing`), which pauses or ends all of them at once.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

#[cfg(any(test, feature = "testing"))]
use crate::SimulatedProcess;
use crate::TaskPriority;
use crate::task_priority::PriorityThreads;

/// Spawns tasks and stops them. Clones share the tasks and their cancel token.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
    /// The threads of two priorities; `None` if all tasks run on those of whoever spawns them.
    threads: Option<PriorityThreads>,
    /// The simulated process that the tasks belong to; `None` for the real one.
    #[cfg(any(test, feature = "testing"))]
    simulated: Option<SimulatedProcess>,
}

impl Tasks {
    /// A set without tasks; cancelling `cancel` stops all its tasks.
    #[must_use]
    pub fn new(cancel: CancellationToken) -> Self {
        Self { cancel, ..Self::default() }
    }

    /// A set whose tasks belong to the simulated `process`.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn simulated(cancel: CancellationToken, process: SimulatedProcess) -> Self {
        Self { cancel, simulated: Some(process), ..Self::default() }
    }

    /// This set, whose movable tasks may also run on the threads of `low`. All others run on those of the runtime that
    /// this is called in.
    #[must_use]
    pub fn with_low_priority(self, low: Handle) -> Self {
        Self { threads: Some(PriorityThreads { normal: Handle::current(), low }), ..self }
    }

    /// The token that is cancelled when the tasks are to stop.
    #[must_use]
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Spawns `task`. It runs until it returns, which it must do when [`Self::cancelled`] is cancelled.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(name, Box::pin(task));
    }

    /// Spawns the task that `task` gives, which may move to the threads of low priority, if there are any, and back.
    pub fn spawn_movable<F>(&self, name: &'static str, task: impl FnOnce(TaskPriority) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(threads) = &self.threads else { return self.spawn(name, task(TaskPriority::default())) };
        let span = tracing::info_span!("task", name);
        threads.spawn(&self.tracker, |priority| Box::pin(task(priority).instrument(span)));
    }

    /// [`Self::spawn`], compiled once for all tasks.
    fn spawn_boxed(&self, name: &'static str, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let task = task.instrument(tracing::info_span!("task", name));
        #[cfg(any(test, feature = "testing"))]
        if let Some(process) = &self.simulated {
            let bound = process.bind(task);
            self.tracker.spawn(async move {
                // It makes no difference here whether the task or its process ended first.
                let _ = bound.await;
            });
            return;
        }
        match &self.threads {
            Some(threads) => self.tracker.spawn_on(task, &threads.normal),
            None => self.tracker.spawn(task),
        };
    }

    /// Runs `work`, which is spawned elsewhere, as a part of this process: if a simulated process ends first, the
    /// future stays pending until its owner drops it.
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

    /// Signals all tasks to stop and waits for them, at most `timeout`. Returns whether all have ended.
    pub async fn stop(&self, timeout: Duration) -> bool {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(timeout, self.tracker.wait()).await.is_ok()
    }
}
