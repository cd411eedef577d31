//! Those who wait for an answer: no thread, one oneshot each, and a note when they hang up.

use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::group::WaiterId;
use tokio::sync::{Notify, oneshot};

/// Tickets whose owners have hung up. Bounded by the requests that were under way.
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

    /// Waits for hang-ups. Cancel-safe: what is not returned stays noted.
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

/// The side of a parked request that waits. Dropped before its answer, it notes a hang-up.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    answer: oneshot::Receiver<T>,
    waiter: WaiterId,
    disconnects: Option<Arc<Disconnects>>,
}

impl<T> Waiting<T> {
    pub fn new(waiter: WaiterId, disconnects: Arc<Disconnects>) -> (oneshot::Sender<T>, Self) {
        let (reply, answer) = oneshot::channel();
        (reply, Self { answer, waiter, disconnects: Some(disconnects) })
    }

    /// The answer; `None` where the group left memory before it took the request.
    pub async fn answer(mut self) -> Option<T> {
        let answer = (&mut self.answer).await.ok();
        self.disconnects = None;
        answer
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if let Some(disconnects) = self.disconnects.take() {
            // First closed, then noted: whoever takes the request after the note was read sees that it is closed.
            self.answer.close();
            disconnects.note(self.waiter);
        }
    }
}
