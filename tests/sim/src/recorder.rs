//! The recorder: collects the history of the run, and gives out the numbers that are unique in it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_model::TopicId;
use tokio::time::Instant;

use crate::checker::Violation;
use crate::history::{Actor, ConnectionNumber, Event, EventKind, History, SendId, TxnId, ValueId};

/// Records the history. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    origin: Instant,
    state: Arc<Mutex<RecorderState>>,
}

#[derive(Default)]
struct RecorderState {
    history: History,
    actors: u32,
    sends: u64,
    values: u64,
    connections: u64,
    txns: u64,
    acked: u64,
    topics: BTreeSet<TopicId>,
    reported: Vec<Violation>,
    verbose: bool,
}

/// The actor of the simulation itself: faults and the final check.
pub const SYSTEM: Actor = Actor(0);

impl Recorder {
    /// An empty history that begins at `origin`. With `verbose`, every event is printed as well.
    #[must_use]
    pub fn new(origin: Instant, verbose: bool) -> Self {
        Self { origin, state: Arc::new(Mutex::new(RecorderState { verbose, ..RecorderState::default() })) }
    }

    /// Time since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Records an event with the current virtual time.
    pub fn record(&self, actor: Actor, what: EventKind) {
        let event = Event { at: self.now(), actor, what };
        tracing::debug!(?event, "event");
        let mut state = self.state();
        if state.verbose {
            say(&format!("{:>12.6} {} {:?}", event.at.as_secs_f64(), event.actor, event.what));
        }
        state.acked += u64::from(matches!(event.what, EventKind::Acked(_)));
        state.history.push(event);
    }

    /// The number of a new actor.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let mut state = self.state();
        state.actors += 1;
        Actor(state.actors)
    }

    /// The number of a new send.
    #[must_use]
    pub fn send(&self) -> SendId {
        let mut state = self.state();
        state.sends += 1;
        SendId(state.sends)
    }

    /// The number of a value that was not sent yet.
    #[must_use]
    pub fn value(&self) -> ValueId {
        let mut state = self.state();
        state.values += 1;
        ValueId(state.values)
    }

    /// The number of a new connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionNumber {
        let mut state = self.state();
        state.connections += 1;
        ConnectionNumber(state.connections)
    }

    /// The number of a new transaction.
    #[must_use]
    pub fn txn(&self) -> TxnId {
        let mut state = self.state();
        state.txns += 1;
        TxnId(state.txns)
    }

    /// Records `what` if the guard is dropped before the operation under way has ended.
    #[must_use]
    pub fn record_on_drop(&self, actor: Actor, what: Vec<EventKind>) -> RecordOnDrop {
        RecordOnDrop { recorder: self.clone(), actor, what }
    }

    /// Records a violation that a client sees itself, in an answer that no client may get.
    pub fn report_violation(&self, invariant: &'static str, what: String) {
        let mut state = self.state();
        let events = state.history.events.len().checked_sub(1).into_iter().collect();
        state.reported.push(Violation { invariant, what, events });
    }

    /// The violations that clients have reported.
    #[must_use]
    pub fn reported(&self) -> Vec<Violation> {
        std::mem::take(&mut self.state().reported)
    }

    /// Whether no event has named `topic` before.
    #[must_use]
    pub fn is_new(&self, topic: TopicId) -> bool {
        self.state().topics.insert(topic)
    }

    /// Batches acknowledged so far.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.state().acked
    }

    /// Events recorded so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().history.events.len()
    }

    /// Whether no event was recorded so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the history.
    #[must_use]
    pub fn take(&self) -> History {
        std::mem::take(&mut self.state().history)
    }

    fn state(&self) -> MutexGuard<'_, RecorderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records events when it is dropped before its operation ended: the client was killed meanwhile.
pub struct RecordOnDrop {
    recorder: Recorder,
    actor: Actor,
    what: Vec<EventKind>,
}

impl RecordOnDrop {
    /// The operation has ended: its end is recorded by the caller.
    pub fn disarm(mut self) {
        self.what.clear();
    }
}

impl Drop for RecordOnDrop {
    fn drop(&mut self) {
        for what in std::mem::take(&mut self.what) {
            self.recorder.record(self.actor, what);
        }
    }
}

#[expect(clippy::print_stderr, reason = "--verbose prints a run event by event")]
fn say(line: &str) {
    eprintln!("{line}");
}
