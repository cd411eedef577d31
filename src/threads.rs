//! Threads of lower priority for work that may wait: compaction, and consumers that read old records.

use std::{future::Future, io};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

use crate::machine;

/// The niceness of compaction: if all processors are busy, it gets about a tenth of another thread's time.
const COMPACTION_NICENESS: i32 = 10;
/// The niceness of consumers that read old records: if all processors are busy, a third of another thread's time, so
/// that they catch up all the same.
const CATCH_UP_NICENESS: i32 = 5;
/// Threads of one runtime for blocking calls: file operations, and what jobs compute (one for each of the most jobs).
/// An idle one keeps what it once allocated and others freed, about 20 MiB under load, so there are as many as keep a
/// disk busy, not Tokio's 512.
pub const BLOCKING_THREADS_MAX: usize = 16;
/// The same for consumers that read old records, or one for each processor if these are more: enough for a disk, and few
/// that want a processor at once.
const CATCH_UP_BLOCKING_THREADS_MIN: usize = 4;

/// A Tokio runtime beside the main one. Its threads end when this is dropped.
pub struct Threads(Option<Runtime>);

impl Threads {
    /// Threads of low priority for the compactor.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn for_compaction() -> io::Result<Self> {
        let mut builder = builder("compaction", 1, BLOCKING_THREADS_MAX);
        Self::build(lower_priority(&mut builder, COMPACTION_NICENESS))
    }

    /// Threads of normal priority for the times in which compaction falls behind.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn for_urgent_compaction() -> io::Result<Self> {
        Self::build(&mut builder("urgent", 1, BLOCKING_THREADS_MAX))
    }

    /// Threads of low priority for consumers that read old records, for half of the processors.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn for_catch_up() -> io::Result<Self> {
        let processors = machine::processors();
        let blocking = processors.clamp(CATCH_UP_BLOCKING_THREADS_MIN, BLOCKING_THREADS_MAX);
        let mut builder = builder("catch-up", processors.div_ceil(2), blocking);
        Self::build(lower_priority(&mut builder, CATCH_UP_NICENESS))
    }

    fn build(builder: &mut Builder) -> io::Result<Self> {
        builder.build().map(|runtime| Self(Some(runtime)))
    }

    /// Where tasks are spawned that run on these threads.
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("the runtime is taken out only by drop").handle()
    }

    /// Runs `task` on these threads.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.handle().spawn(task)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Not waited for: this is dropped on a thread of another runtime, which must not block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn builder(name: &'static str, workers: usize, blocking_max: usize) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).max_blocking_threads(blocking_max).thread_name(name).enable_all();
    builder
}

/// Makes the threads of `builder` nicer than the current one by `niceness`: Linux has a niceness for each thread,
/// although POSIX has one for each process.
#[cfg(target_os = "linux")]
fn lower_priority(builder: &mut Builder, niceness: i32) -> &mut Builder {
    use rustix::process::{getpriority_process, setpriority_process};
    // Set and not added: a thread inherits the niceness of the one that starts it.
    let lowered = getpriority_process(None).map(|current| current.saturating_add(niceness));
    builder.on_thread_start(move || {
        if let Err(error) = lowered.and_then(|lowered| setpriority_process(None, lowered)) {
            tracing::debug!(%error, "cannot lower the priority of a thread");
        }
    })
}

/// Elsewhere they stay as they are.
#[cfg(not(target_os = "linux"))]
fn lower_priority(builder: &mut Builder, _niceness: i32) -> &mut Builder {
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_threads_for_what_may_wait_have_a_low_priority() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let on = async |threads: Threads| {
            let task = async move { (niceness(), tokio::task::spawn_blocking(niceness).await.unwrap()) };
            let (of_task, of_blocking_call) = threads.handle().spawn(task).await.unwrap();
            assert_eq!(of_blocking_call, of_task);
            of_task
        };
        assert_eq!(on(Threads::for_compaction().unwrap()).await, (before + COMPACTION_NICENESS).min(19));
        assert_eq!(on(Threads::for_catch_up().unwrap()).await, (before + CATCH_UP_NICENESS).min(19));
        assert_eq!(on(Threads::for_urgent_compaction().unwrap()).await, before);
        assert_eq!(niceness(), before);
    }
}
