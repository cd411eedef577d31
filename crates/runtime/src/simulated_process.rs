//! The life of a simulated process: whether its tasks go on, are stopped for a while, or are gone all at once.
//!
//! Owns: nothing but the switch. Does not own: what tasks do. Invariant: once [`SimulatedProcess::end`] has returned no bound future is
//! polled again; each is dropped where it waits, as a killed process loses what it was doing.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The switch of one process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimulatedProcess(Arc<Mutex<Tasks>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    Paused,
    Ended,
}

#[derive(Debug, Default)]
struct Tasks {
    phase: Phase,
    next: u64,
    /// The bound futures that wait, by their number.
    waiting: BTreeMap<u64, Waker>,
}

impl SimulatedProcess {
    /// Polls nothing of this process until [`Self::resume`] (SIGSTOP). Time passes meanwhile.
    pub fn pause(&self) {
        let mut tasks = self.tasks();
        if tasks.phase == Phase::Running {
            tasks.phase = Phase::Paused;
        }
    }

    /// Goes on (SIGCONT).
    pub fn resume(&self) {
        let woken = {
            let mut tasks = self.tasks();
            if tasks.phase != Phase::Paused {
                return;
            }
            tasks.phase = Phase::Running;
            std::mem::take(&mut tasks.waiting)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// The process is gone (SIGKILL).
    pub fn end(&self) {
        let woken = {
            let mut tasks = self.tasks();
            tasks.phase = Phase::Ended;
            std::mem::take(&mut tasks.waiting)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Whether [`Self::end`] was called.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.tasks().phase == Phase::Ended
    }

    /// `future` as a part of this process; `None` where the process ends first.
    pub fn bind<F: Future>(&self, future: F) -> Bound<F> {
        let number = {
            let mut tasks = self.tasks();
            tasks.next += 1;
            tasks.next
        };
        Bound { simulated: self.clone(), number, future: Some(Box::pin(future)) }
    }

    /// Whether a bound future may be polled now; if not, it is woken when that changes.
    fn enter(&self, number: u64, waker: &Waker) -> Phase {
        let mut tasks = self.tasks();
        if tasks.phase != Phase::Ended {
            tasks.waiting.insert(number, waker.clone());
        }
        tasks.phase
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that lives no longer than its process.
#[must_use = "a future does nothing unless awaited"]
pub struct Bound<F> {
    simulated: SimulatedProcess,
    number: u64,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Bound<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.simulated.enter(self.number, context.waker()) {
            Phase::Paused => Poll::Pending,
            Phase::Ended => {
                self.future = None;
                Poll::Ready(None)
            }
            Phase::Running => match self.future.as_mut() {
                Some(future) => future.as_mut().poll(context).map(Some),
                None => Poll::Ready(None),
            },
        }
    }
}

impl<F> Drop for Bound<F> {
    fn drop(&mut self) {
        self.future = None;
        self.simulated.tasks().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_process_goes_on_late_where_it_waited() {
        let simulated = SimulatedProcess::default();
        let started = Instant::now();
        let task = tokio::spawn(simulated.bind(async { sleep(Duration::from_secs(1)).await }));
        tokio::task::yield_now().await;
        simulated.pause();
        sleep(Duration::from_secs(5)).await;
        assert!(!task.is_finished());
        simulated.resume();
        assert_eq!(task.await.expect("it ends"), Some(()));
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_process_drops_what_it_was_doing() {
        let (simulated, held) = (SimulatedProcess::default(), Arc::new(()));
        let inner = Arc::clone(&held);
        let task = tokio::spawn(simulated.bind(async move {
            std::future::pending::<()>().await;
            drop(inner);
        }));
        sleep(Duration::from_secs(1)).await;
        simulated.end();
        assert_eq!(task.await.expect("it ends"), None);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_of_an_ended_process_runs_though_it_was_due() {
        let simulated = SimulatedProcess::default();
        let late = tokio::spawn(simulated.bind(async { panic!("it ran") }));
        simulated.end();
        assert_eq!(late.await.expect("it ends"), None::<()>);
    }
}
