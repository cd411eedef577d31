//! A simulated process: its tasks run, are paused, or end all at once.
//!
//! Owns: only that state. Does not own: what the tasks do. Invariant: once [`SimulatedProcess::end`] has returned, no
//! bound future is polled again; each is dropped at the await where it is, as a killed process stops at any point.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// One simulated process. Clones are the same process.
#[derive(Clone, Debug, Default)]
pub struct SimulatedProcess(Arc<Mutex<ProcessState>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    Paused,
    Ended,
}

#[derive(Debug, Default)]
struct ProcessState {
    phase: Phase,
    /// Number of the last bound future.
    last_number: u64,
    /// The wakers of pending bound futures, by the futures' numbers.
    waiting: BTreeMap<u64, Waker>,
}

impl SimulatedProcess {
    /// Pauses the process, as SIGSTOP does: none of its futures is polled until [`Self::resume`]. Time goes on.
    pub fn pause(&self) {
        let mut state = self.state();
        if state.phase == Phase::Running {
            state.phase = Phase::Paused;
        }
    }

    /// Resumes the process, as SIGCONT does.
    pub fn resume(&self) {
        let woken = {
            let mut state = self.state();
            if state.phase != Phase::Paused {
                return;
            }
            state.phase = Phase::Running;
            std::mem::take(&mut state.waiting)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Ends the process, as SIGKILL does.
    pub fn end(&self) {
        let woken = {
            let mut state = self.state();
            state.phase = Phase::Ended;
            std::mem::take(&mut state.waiting)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Whether [`Self::end`] was called.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state().phase == Phase::Ended
    }

    /// `future` as a part of this process; it resolves to `None` if the process ends first.
    pub fn bind<F: Future>(&self, future: F) -> Bound<F> {
        let number = {
            let mut state = self.state();
            state.last_number += 1;
            state.last_number
        };
        Bound { process: self.clone(), number, future: Some(Box::pin(future)) }
    }

    /// The phase in which a bound future is polled. It is woken when the phase changes.
    fn phase_for_poll(&self, number: u64, waker: &Waker) -> Phase {
        let mut state = self.state();
        if state.phase != Phase::Ended {
            // Most polls are by the task that has polled before, whose waker is known.
            state.waiting.entry(number).and_modify(|known| known.clone_from(waker)).or_insert_with(|| waker.clone());
        }
        state.phase
    }

    fn state(&self) -> MutexGuard<'_, ProcessState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that ends with its process at the latest.
#[must_use = "a future does nothing unless awaited"]
pub struct Bound<F> {
    process: SimulatedProcess,
    number: u64,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Bound<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.process.phase_for_poll(self.number, context.waker()) {
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
        self.process.state().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_process_goes_on_where_it_was_when_it_is_resumed() {
        let process = SimulatedProcess::default();
        let started = Instant::now();
        let task = tokio::spawn(process.bind(async { sleep(Duration::from_secs(1)).await }));
        tokio::task::yield_now().await;
        process.pause();
        sleep(Duration::from_secs(5)).await;
        assert!(!task.is_finished());
        process.resume();
        assert_eq!(task.await.expect("it ends"), Some(()));
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn an_ended_process_drops_its_futures() {
        let (process, held) = (SimulatedProcess::default(), Arc::new(()));
        let inner = Arc::clone(&held);
        let task = tokio::spawn(process.bind(async move {
            std::future::pending::<()>().await;
            drop(inner);
        }));
        sleep(Duration::from_secs(1)).await;
        process.end();
        assert_eq!(task.await.expect("it ends"), None);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_future_of_an_ended_process_runs_even_if_it_was_due() {
        let process = SimulatedProcess::default();
        let late = tokio::spawn(process.bind(async { panic!("it ran") }));
        process.end();
        assert_eq!(late.await.expect("it ends"), None::<()>);
    }
}
