//! The unanswered requests of one connection, in the order in which they arrived.
//!
//! Owns: when each request is started, and that replies leave in order. Invariants: a Produce may be started while only
//! Produces are in flight before it, in order of arrival, so that batches join the log in that order (if one of them
//! has yet to hand its batches over, later ones wait for it); every other request is started once all before it are
//! answered. Dropping the queue drops what is in flight, waiting joins and long polls included;
//! [`ResponseQueue::disconnect`] drops only those.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::future::{self, BoxFuture};

use super::dispatch::Route;
use super::handler::{InFlight, Reply};

/// Requests read and not yet answered, per connection. Clients keep far fewer in flight (Java 5); each takes memory.
const REQUESTS_MAX: usize = 256;
/// Bytes of requests read and not yet started, per connection. Over it the socket is not read.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// The unanswered requests of one connection: those in flight, then those that wait to be started.
#[derive(Default)]
pub struct ResponseQueue {
    in_flight: VecDeque<BoxFuture<'static, Reply>>,
    /// Whether the request in flight is a long poll (which is in flight alone).
    is_long_poll: bool,
    /// Whether the requests in flight are Produces.
    is_producing: bool,
    /// Whether another Produce may be started while those in flight are not answered.
    is_pipelined: bool,
    waiting: VecDeque<Route>,
    waiting_bytes: usize,
}

impl ResponseQueue {
    /// Whether one more request may be read.
    pub fn has_room(&self) -> bool {
        self.in_flight.len() + self.waiting.len() < REQUESTS_MAX && self.waiting_bytes < WAITING_BYTES_MAX
    }

    /// Whether every request is answered.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty()
    }

    /// Whether Produces are in flight.
    pub fn is_producing(&self) -> bool {
        self.is_producing && !self.in_flight.is_empty()
    }

    /// Adds a request, to be answered in order.
    pub fn push(&mut self, route: Route) {
        self.waiting_bytes += request_bytes(&route);
        self.waiting.push_back(route);
        self.start_due();
    }

    /// Drops the requests that are not started.
    pub fn drop_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// The client has disconnected: drops the long polls. Everything else is completed, as Kafka does it: clients leave
    /// groups, commit and produce without acknowledgement right before they disconnect.
    pub fn disconnect(&mut self) {
        if self.is_long_poll {
            self.in_flight.clear();
        }
        self.waiting.retain(|route| !is_long_poll(route));
        self.waiting_bytes = self.waiting.iter().map(request_bytes).sum();
        self.start_due();
    }

    /// The next reply in order; waits as long as there is no request. Cancel-safe.
    pub async fn next(&mut self) -> Reply {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Reply> {
        let Some(first) = self.in_flight.front_mut() else { return Poll::Pending };
        let Poll::Ready(reply) = first.as_mut().poll(context) else { return Poll::Pending };
        self.in_flight.pop_front();
        self.start_due();
        Poll::Ready(reply)
    }

    fn start_due(&mut self) {
        while let Some(next) = self.waiting.front() {
            let can_pipeline = is_pipelined(next);
            let is_due = self.in_flight.is_empty() || (self.is_pipelined && can_pipeline);
            if !is_due {
                return;
            }
            let Some(route) = self.waiting.pop_front() else { return };
            self.waiting_bytes = self.waiting_bytes.saturating_sub(request_bytes(&route));
            self.is_producing = can_pipeline;
            self.is_long_poll = is_long_poll(&route);
            let started = match route {
                Route::Handler(handler, call) => handler.start(call),
                Route::Answered(reply) => InFlight::exclusive(Box::pin(future::ready(reply))),
            };
            self.is_pipelined = started.pipelined;
            self.in_flight.push_back(started.reply);
        }
    }
}

fn is_pipelined(route: &Route) -> bool {
    match route {
        Route::Handler(handler, _) => handler.pipelined,
        Route::Answered(_) => false,
    }
}

fn is_long_poll(route: &Route) -> bool {
    match route {
        Route::Handler(handler, _) => handler.long_poll,
        Route::Answered(_) => false,
    }
}

/// Memory of a request: its body and its client id, which is in the frame, in the header and in the context.
fn request_bytes(route: &Route) -> usize {
    match route {
        Route::Handler(_, call) => call.body.len() + 3 * call.header.client_id.as_ref().map_or(0, String::len),
        Route::Answered(_) => 0,
    }
}
