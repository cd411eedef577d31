//! Those who wait for an answer: no thread, one oneshot each, and a note when they hang up.

use std::sync::{Arc, Mutex, PoisonError};

use alluvium_model::group::Ticket;
use tokio::sync::{Notify, oneshot};

/// Tickets whose owners have hung up. Bounded by the requests that were under way.
#[derive(Debug, Default)]
pub(super) struct HangUps {
    tickets: Mutex<Vec<Ticket>>,
    notify: Notify,
}

impl HangUps {
    fn note(&self, ticket: Ticket) {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner).push(ticket);
        self.notify.notify_one();
    }

    /// Waits for hang-ups. Cancel-safe: what is not returned stays noted.
    pub async fn next(&self) -> Vec<Ticket> {
        loop {
            let tickets = std::mem::take(&mut *self.tickets.lock().unwrap_or_else(PoisonError::into_inner));
            if !tickets.is_empty() {
                return tickets;
            }
            self.notify.notified().await;
        }
    }
}

/// The side of a parked request that waits. Dropped before its answer, it notes a hang-up.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    answer: oneshot::Receiver<T>,
    ticket: Ticket,
    hang_ups: Option<Arc<HangUps>>,
}

impl<T> Waiting<T> {
    pub fn new(ticket: Ticket, hang_ups: Arc<HangUps>) -> (oneshot::Sender<T>, Self) {
        let (reply, answer) = oneshot::channel();
        (reply, Self { answer, ticket, hang_ups: Some(hang_ups) })
    }

    /// The answer; `None` where the group left memory before it took the request.
    pub async fn answer(mut self) -> Option<T> {
        let answer = (&mut self.answer).await.ok();
        self.hang_ups = None;
        answer
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if let Some(hang_ups) = self.hang_ups.take() {
            // First closed, then noted: whoever takes the request after the note was read sees that it is closed.
            self.answer.close();
            hang_ups.note(self.ticket);
        }
    }
}
