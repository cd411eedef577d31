//! Requests whose answer may take long (join, sync): one oneshot channel each, and a note if the client disconnects
//! first.

use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::group::WaiterId;
use tokio::sync::{Notify, oneshot};

/// Waiters whose clients have disconnected. Bounded by the number of requests in flight.
#[derive(Debug, Default)]
pub(super) struct Disconnects {
    waiters: Mutex<Vec<WaiterId>>,
    notify: Notify,
}

impl Disconnects {
    fn note(&self, waiter: WaiterId) {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner).push(waiter);
        self.notify.notify_one();
    }

    /// Waits for disconnects. Cancel-safe: what is not returned stays noted.
    pub async fn next(&self) -> Vec<WaiterId> {
        loop {
            let waiters = std::mem::take(&mut *self.waiters.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiters.is_empty() {
                return waiters;
            }
            self.notify.notified().await;
        }
    }
}

/// The requester's side of a request to a group's task.
#[derive(Debug)]
pub(super) struct AnswerReceiver<T> {
    answer: oneshot::Receiver<T>,
    /// Where a drop before the answer is noted; `None` if the task need not know.
    on_drop: Option<(WaiterId, Arc<Disconnects>)>,
}

impl<T> AnswerReceiver<T> {
    /// A channel whose receiver may be dropped without notice.
    pub fn new() -> (oneshot::Sender<T>, Self) {
        let (sender, answer) = oneshot::channel();
        (sender, Self { answer, on_drop: None })
    }

    /// A channel whose receiver, if it is dropped before the answer, notes that `waiter` has disconnected.
    pub fn with_waiter(waiter: WaiterId, disconnects: Arc<Disconnects>) -> (oneshot::Sender<T>, Self) {
        let (sender, answer) = oneshot::channel();
        (sender, Self { answer, on_drop: Some((waiter, disconnects)) })
    }

    /// The answer; `None` if the group left memory before it took the request.
    pub async fn answer(mut self) -> Option<T> {
        let answer = (&mut self.answer).await.ok();
        self.on_drop = None;
        answer
    }
}

impl<T> Drop for AnswerReceiver<T> {
    fn drop(&mut self) {
        if let Some((waiter, disconnects)) = self.on_drop.take() {
            // First closed, then noted: a task that takes the request after reading the note sees that it is closed.
            self.answer.close();
            disconnects.note(waiter);
        }
    }
}
