//! Threads of low priority for work that nobody waits for, such as compaction.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

/// The niceness of the threads: if all processors are busy, they get about a tenth of another thread's time.
const NICENESS: i32 = 10;

/// A Tokio runtime of its own whose threads have a low priority.
pub struct Background(Option<Runtime>);

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `task` on these threads.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.0.as_ref().expect("the runtime is taken out only by drop").spawn(task)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Not waited for: this is dropped on a thread of another runtime, which must not block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the current thread: Linux has one for each thread, although POSIX has one for each process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "cannot lower the priority of background work");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_background_threads_have_a_low_priority() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let background = Background::start().unwrap();
        background.spawn(async move { sender.send(niceness()).unwrap() }).await.unwrap();
        assert_eq!(receiver.await.unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
