//! Threads for work that nobody waits for: they get what the others leave of the processor.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

/// How much the threads step back (`nice`): where all processors are busy, a tenth of what others get.
const NICENESS: i32 = 10;

/// A runtime of its own whose threads have a low priority.
pub struct Background(Option<Runtime>);

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the system grants none.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("background")
            .on_thread_start(step_back)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs `task` there.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.0.as_ref().expect("it is taken out only when dropped").spawn(task)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Not waited for: it is dropped on a thread of another runtime, which must not block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Linux keeps a priority for each thread, whatever POSIX says of processes.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "background work keeps the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn background_threads_step_back_and_others_do_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let (told, heard) = tokio::sync::oneshot::channel();
        let background = Background::start().unwrap();
        background.spawn(async move { told.send(niceness()).unwrap() }).await.unwrap();
        assert_eq!(heard.await.unwrap(), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
