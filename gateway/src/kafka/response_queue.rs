//! The requests of one connection that are not answered yet, in the order in which they came.
//!
//! Owns: when each is started, and that replies leave in order. Invariants: a Produce may be started while only Produces
//! are before it, and they are started in order, so that batches join the log in order of arrival (behind one whose batches
//! have yet to join, it waits); every other request is started when all before it are answered. Dropping the queue drops what is in flight, parked joins and long polls too;
//! [`ResponseQueue::hang_up`] drops no more than those.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::future::{self, BoxFuture};

use super::dispatch::{Begun, Reply, Route};

/// Requests read and not yet answered, per connection. Clients keep far fewer in flight (Java 5); each costs a slot.
const REQUESTS_MAX: usize = 256;
/// Bytes of requests read and not yet started, per connection; over it the socket is not read.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// The unanswered requests of one connection: those started, then those waiting for their turn.
#[derive(Default)]
pub struct ResponseQueue {
    started: VecDeque<BoxFuture<'static, Reply>>,
    /// Whether the one that is started waits for others.
    started_parks: bool,
    /// Whether those that are started are Produces.
    started_produce: bool,
    /// Whether another Produce may be started beside them.
    started_overlap: bool,
    waiting: VecDeque<Route>,
    waiting_bytes: usize,
}

impl ResponseQueue {
    /// Whether one more request may be read.
    pub fn has_room(&self) -> bool {
        self.started.len() + self.waiting.len() < REQUESTS_MAX && self.waiting_bytes < WAITING_BYTES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.started.is_empty() && self.waiting.is_empty()
    }

    /// Whether batches are on their way to the log.
    pub fn is_producing(&self) -> bool {
        self.started_produce && !self.started.is_empty()
    }

    /// A request to be answered in its turn.
    pub fn push(&mut self, route: Route) {
        self.waiting_bytes += body_bytes(&route);
        self.waiting.push_back(route);
        self.start_due();
    }

    /// Forgets the requests that are not started.
    pub fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Nobody listens any more: forgets the requests that only wait for others. The rest is still done, as Kafka does it:
    /// clients leave groups, commit and produce without acknowledgement right before they go.
    pub fn hang_up(&mut self) {
        if self.started_parks {
            self.started.clear();
        }
        self.waiting.retain(|route| !parks(route));
        self.waiting_bytes = self.waiting.iter().map(body_bytes).sum();
        self.start_due();
    }

    /// The next reply in order; waits for ever while there is no request. May be dropped and called again.
    pub async fn next(&mut self) -> Reply {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Reply> {
        let Some(first) = self.started.front_mut() else { return Poll::Pending };
        let Poll::Ready(reply) = first.as_mut().poll(context) else { return Poll::Pending };
        self.started.pop_front();
        self.start_due();
        Poll::Ready(reply)
    }

    fn start_due(&mut self) {
        while let Some(next) = self.waiting.front() {
            let overlaps = overlaps(next);
            let is_due = self.started.is_empty() || (self.started_overlap && overlaps);
            if !is_due {
                return;
            }
            let Some(route) = self.waiting.pop_front() else { return };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(body_bytes(&route));
            self.started_produce = overlaps;
            self.started_parks = parks(&route);
            let begun = match route {
                Route::To(handler, call) => handler.start(call),
                Route::Answered(reply) => Begun::alone(Box::pin(future::ready(reply))),
            };
            self.started_overlap = begun.overlaps;
            self.started.push_back(begun.reply);
        }
    }
}

fn overlaps(route: &Route) -> bool {
    match route {
        Route::To(handler, _) => handler.overlaps,
        Route::Answered(_) => false,
    }
}

fn parks(route: &Route) -> bool {
    match route {
        Route::To(handler, _) => handler.parks,
        Route::Answered(_) => false,
    }
}

fn body_bytes(route: &Route) -> usize {
    match route {
        Route::To(_, call) => call.body.len(),
        Route::Answered(_) => 0,
    }
}
