//! Tasks that move between threads of normal and of low priority: a thread that has lowered its priority may not raise
//! it again without privilege, so tasks move instead.
//!
//! Owns: on which threads such a task is polled. Does not own: the threads, which are handed in. Invariant: a task is
//! polled by one thread at a time, and after each move at once, so that no wake is lost.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

/// The priority of one task, which it sets itself. Clones are of the same task; by default, of one that never moves.
#[derive(Clone, Debug, Default)]
pub struct TaskPriority {
    /// Whether it is low; `None` if there are no threads of low priority.
    is_low: Option<Arc<AtomicBool>>,
}

impl TaskPriority {
    /// Goes on at low priority. Returns whether the task moved.
    pub async fn lower(&self) -> bool {
        self.change_to(true).await
    }

    /// Goes on at normal priority. Returns whether the task moved.
    pub async fn restore(&self) -> bool {
        self.change_to(false).await
    }

    async fn change_to(&self, low: bool) -> bool {
        let changes = self.is_low.as_ref().is_some_and(|is_low| is_low.swap(low, Ordering::Relaxed) != low);
        if changes {
            // A task moves when it waits.
            yield_now().await;
        }
        changes
    }
}

/// The threads that tasks move between.
#[derive(Clone, Debug)]
pub(crate) struct PriorityThreads {
    pub(crate) normal: Handle,
    pub(crate) low: Handle,
}

impl PriorityThreads {
    /// Spawns a task that begins at normal priority.
    pub(crate) fn spawn(&self, tracker: &TaskTracker, task: impl FnOnce(TaskPriority) -> MovableFuture) {
        let is_low = Arc::new(AtomicBool::new(false));
        let future = task(TaskPriority { is_low: Some(Arc::clone(&is_low)) });
        MovableTask { future, is_low, threads: self.clone(), tracker: tracker.clone() }.spawn();
    }
}

pub(crate) type MovableFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

struct MovableTask {
    future: MovableFuture,
    is_low: Arc<AtomicBool>,
    threads: PriorityThreads,
    tracker: TaskTracker,
}

impl MovableTask {
    /// Runs the task where its priority says, until that changes; then there.
    fn spawn(mut self) {
        let runs_low = self.is_low.load(Ordering::Relaxed);
        let threads = if runs_low { self.threads.low.clone() } else { self.threads.normal.clone() };
        self.tracker.clone().spawn_on(
            async move {
                let moves = poll_fn(|context| match self.future.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(false),
                    Poll::Pending if self.is_low.load(Ordering::Relaxed) != runs_low => Poll::Ready(true),
                    Poll::Pending => Poll::Pending,
                });
                if moves.await {
                    self.spawn();
                }
            },
            &threads,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::{sleep, timeout};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn threads(name: &str) -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name(name).enable_all().build().unwrap()
    }

    fn thread_name() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_task_moves_with_its_timers_its_messages_and_its_place_in_the_tracker() {
        let (normal, low, tracker) = (threads("normal"), threads("low"), TaskTracker::new());
        let (to_task, mut messages) = mpsc::channel::<u8>(1);
        let (seen, mut seen_names) = mpsc::channel(16);
        let priorities = PriorityThreads { normal: normal.handle().clone(), low: low.handle().clone() };
        priorities.spawn(&tracker, |priority| {
            Box::pin(async move {
                // A timer of the threads that it begins on.
                let mut timer = Box::pin(sleep(Duration::from_millis(20)));
                seen.send(thread_name()).await.unwrap();
                assert!(priority.lower().await);
                assert!(!priority.lower().await);
                seen.send(thread_name()).await.unwrap();
                timer.as_mut().await;
                messages.recv().await.unwrap();
                seen.send(thread_name()).await.unwrap();
                let spawned = tokio::spawn(async { thread_name() });
                seen.send(spawned.await.unwrap()).await.unwrap();
                priority.restore().await;
                seen.send(thread_name()).await.unwrap();
                messages.recv().await.unwrap();
            })
        });
        tracker.close();
        normal.block_on(async {
            let mut next = async || timeout(LONG, seen_names.recv()).await.unwrap().unwrap();
            assert_eq!(next().await, "normal");
            assert_eq!(next().await, "low");
            to_task.send(1).await.unwrap();
            assert_eq!(next().await, "low");
            assert_eq!(next().await, "low", "what the task spawns runs where it does");
            assert_eq!(next().await, "normal");
            assert_eq!(tracker.len(), 1, "the task is tracked wherever it runs");
            to_task.send(2).await.unwrap();
            timeout(LONG, tracker.wait()).await.unwrap();
        });
    }
}
