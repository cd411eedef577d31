//! The session of one connection, within the memory that all sessions of the agent share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alluvium_model::limits::TOPIC_NAME_BYTES_MAX;
use alluvium_runtime::Rng;
use alluvium_wire::ErrorCode;
use alluvium_wire::messages::fetch::{FetchRequest, FetchResponse, FetchTopic};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::begin::{Begin, OpenSession, begin};
use super::partitions::SessionPartitions;

/// Partitions in one session: several times as many as one consumer reads from one agent.
const SESSION_PARTITIONS_MAX: usize = 20_000;

/// The session of one connection, if it has one.
pub struct ConnectionSession {
    session: Mutex<Option<Session>>,
    memory: Arc<Semaphore>,
}

struct Session {
    open: OpenSession,
    partitions: SessionPartitions,
    /// The memory that it takes, one permit for each byte.
    memory: OwnedSemaphorePermit,
}

/// One fetch, from its request to its response.
pub struct SessionFetch {
    session: Option<Session>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its response is complete, and opens the session if there is one.
    Complete,
    /// Its response has only news.
    Incremental,
    /// The same, but the session has outgrown its memory and ends.
    Last,
}

impl ConnectionSession {
    /// No session; those to come take their memory from `memory`, one permit for each byte.
    pub fn new(memory: Arc<Semaphore>) -> Self {
        Self { session: Mutex::new(None), memory }
    }

    /// Begins a fetch: makes `request` complete. [`Self::finish`] must be called with its response; if it is not (the
    /// client has disconnected), the session has ended.
    ///
    /// # Errors
    /// The error of the whole response, if the fetch does not belong to the session of this connection.
    pub fn begin(&self, version: i16, request: &mut FetchRequest, rng: &dyn Rng) -> Result<SessionFetch, ErrorCode> {
        let mut slot = self.lock();
        match begin(slot.as_ref().map(|session| session.open), version, request) {
            Begin::Reject(error) => Err(error),
            Begin::Without => {
                *slot = None;
                Ok(SessionFetch { session: None, kind: Kind::Complete })
            }
            Begin::Open { by_id } => {
                *slot = None;
                Ok(SessionFetch { session: self.open(by_id, &request.topics, rng), kind: Kind::Complete })
            }
            Begin::Continue => {
                let session = slot.take().expect("only an open session is continued");
                Ok(session.go_on(request, &self.memory))
            }
        }
    }

    /// Ends a fetch: cuts its complete response down to what its client has to learn.
    pub fn finish(&self, fetch: SessionFetch, mut response: FetchResponse) -> FetchResponse {
        let SessionFetch { session, kind } = fetch;
        let Some(mut session) = session else { return response };
        match kind {
            Kind::Complete => session.partitions.note_all(&response.responses),
            Kind::Incremental | Kind::Last => session.partitions.retain_news(&mut response.responses),
        }
        // Id 0 tells the client that it has no session (any more).
        if kind != Kind::Last {
            response.session_id = session.open.id;
            *self.lock() = Some(session);
        }
        response
    }

    /// A session for a complete fetch of `topics`; `None` if it would be too large.
    fn open(&self, by_id: bool, topics: &[FetchTopic], rng: &dyn Rng) -> Option<Session> {
        if !is_acceptable(topics) {
            return None;
        }
        let mut partitions = SessionPartitions::default();
        partitions.request(topics);
        if !(1..=SESSION_PARTITIONS_MAX).contains(&partitions.len()) {
            return None;
        }
        let memory = reserve(&self.memory, partitions.bytes())?;
        Some(Session { open: OpenSession::new(random_id(rng), by_id), partitions, memory })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Takes the changes of `request`, and makes it complete.
    fn go_on(mut self, request: &mut FetchRequest, memory: &Arc<Semaphore>) -> SessionFetch {
        let is_acceptable = is_acceptable(&request.topics);
        self.open.advance();
        self.partitions.request(&request.topics);
        self.partitions.forget(&request.forgotten_topics_data);
        if self.partitions.len() == 0 {
            // As in Kafka: a session without partitions ends, and there is nothing to read.
            request.topics.clear();
            return SessionFetch { session: None, kind: Kind::Complete };
        }
        request.topics = self.partitions.complete_request();
        let fits = is_acceptable && self.partitions.len() <= SESSION_PARTITIONS_MAX && self.grow(memory);
        SessionFetch { session: Some(self), kind: if fits { Kind::Incremental } else { Kind::Last } }
    }

    /// Reserves the memory that it takes now. Returns whether there was enough.
    fn grow(&mut self, memory: &Arc<Semaphore>) -> bool {
        let missing = self.partitions.bytes().saturating_sub(self.memory.num_permits());
        match reserve(memory, missing) {
            Some(more) => {
                self.memory.merge(more);
                true
            }
            None => false,
        }
    }
}

/// Whether the names are those of topics that can exist: longer ones are not kept.
fn is_acceptable(topics: &[FetchTopic]) -> bool {
    topics.iter().all(|topic| topic.topic.len() <= TOPIC_NAME_BYTES_MAX)
}

fn reserve(memory: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    Arc::clone(memory).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
}

/// Ids differ between connections, so that a client that has reconnected is told that its session is gone.
fn random_id(rng: &dyn Rng) -> i32 {
    i32::try_from(rng.next_u64() % u64::from(i32::MAX.unsigned_abs())).unwrap_or(0) + 1
}
