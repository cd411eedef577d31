//! Where everybody tells what happened: the history of the run, and the numbers that are unique in it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_model::TopicId;
use tokio::time::Instant;

use crate::checker::Violation;
use crate::history::{Actor, ConnectionNumber, Event, EventKind, History, SendId, ValueId};

/// The history in the making. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    origin: Instant,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    history: History,
    actors: u32,
    sends: u64,
    values: u64,
    connections: u64,
    acked: u64,
    topics: BTreeSet<TopicId>,
    reported: Vec<Violation>,
    verbose: bool,
}

/// Whom the system itself acts as: faults, the end.
pub const SYSTEM: Actor = Actor(0);

impl Recorder {
    /// An empty history that begins at `origin`; told aloud as well where `verbose`.
    #[must_use]
    pub fn new(origin: Instant, verbose: bool) -> Self {
        Self { origin, book: Arc::new(Mutex::new(Book { verbose, ..Book::default() })) }
    }

    /// Time since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Notes what happened just now.
    pub fn record(&self, actor: Actor, what: EventKind) {
        let event = Event { at: self.now(), actor, what };
        tracing::debug!(?event, "event");
        let mut book = self.book();
        if book.verbose {
            say(&format!("{:>12.6} {} {:?}", event.at.as_secs_f64(), event.actor, event.what));
        }
        book.acked += u64::from(matches!(event.what, EventKind::Acked(_)));
        book.history.push(event);
    }

    /// A new client.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let mut book = self.book();
        book.actors += 1;
        Actor(book.actors)
    }

    /// A new send.
    #[must_use]
    pub fn send(&self) -> SendId {
        let mut book = self.book();
        book.sends += 1;
        SendId(book.sends)
    }

    /// A value that nobody has sent yet.
    #[must_use]
    pub fn value(&self) -> ValueId {
        let mut book = self.book();
        book.values += 1;
        ValueId(book.values)
    }

    /// A new connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionNumber {
        let mut book = self.book();
        book.connections += 1;
        ConnectionNumber(book.connections)
    }

    /// What `actor` will have to say of an operation under way, should it never come to its end.
    #[must_use]
    pub fn record_on_drop(&self, actor: Actor, what: Vec<EventKind>) -> RecordOnDrop {
        RecordOnDrop { recorder: self.clone(), actor, what }
    }

    /// A client was answered what no client should be.
    pub fn report(&self, invariant: &'static str, what: String) {
        let mut book = self.book();
        let events = book.history.events.len().checked_sub(1).into_iter().collect();
        book.reported.push(Violation { invariant, what, events });
    }

    /// All that clients complained of.
    #[must_use]
    pub fn reported(&self) -> Vec<Violation> {
        std::mem::take(&mut self.book().reported)
    }

    /// Whether nobody has told of `topic` before.
    #[must_use]
    pub fn is_new(&self, topic: TopicId) -> bool {
        self.book().topics.insert(topic)
    }

    /// Batches that were acknowledged so far.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.book().acked
    }

    /// Events so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.book().history.events.len()
    }

    /// Whether nothing happened so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that happened.
    #[must_use]
    pub fn take(&self) -> History {
        std::mem::take(&mut self.book().history)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of an operation when it is dropped before it ended: its client died meanwhile.
pub struct RecordOnDrop {
    recorder: Recorder,
    actor: Actor,
    what: Vec<EventKind>,
}

impl RecordOnDrop {
    /// The operation has ended, and is told of by itself.
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

#[expect(clippy::print_stderr, reason = "a run that is watched is told line by line")]
fn say(line: &str) {
    eprintln!("{line}");
}
