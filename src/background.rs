//! Threads of low priority for work that nobody waits for, such as compaction.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// The niceness of the threads: if all processors are busy, they get about a tenth of another thread's time.
const NICENESS: i32 = 10;
/// Threads of one runtime for blocking calls: file operations, and what jobs compute (one for each of the most jobs).
/// An idle one keeps what it once allocated and others freed, about 20 MiB under load, so there are as many as keep a
/// disk busy, not Tokio's 512.
pub const BLOCKING_THREADS_MAX: usize = 16;

/// Tokio runtimes of their own: one whose threads have a low priority, and one of normal priority for the times in
/// which background work falls behind. (A thread that has lowered its priority may not raise it again.)
pub struct Background {
    low: Option<Runtime>,
    normal: Option<Runtime>,
}

impl Background {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start() -> io::Result<Self> {
        let low = threads("background").on_thread_start(lower_priority).build()?;
        Ok(Self { low: Some(low), normal: Some(threads("urgent").build()?) })
    }

    /// Runs `task` on the threads of low priority.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.low.as_ref().expect("the runtime is taken out only by drop").spawn(task)
    }

    /// The threads of normal priority.
    pub fn normal_priority(&self) -> Handle {
        self.normal.as_ref().expect("the runtime is taken out only by drop").handle().clone()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Not waited for: this is dropped on a thread of another runtime, which must not block.
        for runtime in [self.low.take(), self.normal.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

fn threads(name: &'static str) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(BLOCKING_THREADS_MAX).thread_name(name).enable_all();
    builder
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
        assert_eq!(background.normal_priority().spawn(async move { niceness() }).await.unwrap(), before);
        assert_eq!(niceness(), before);
    }
}
