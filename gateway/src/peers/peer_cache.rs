//! Loading a block: the owner in the zone first, the object store where that does not go well.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_metastore::nodes::Session;
use alluvium_model::AgentId;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::owner::{Peer, owner};
use super::{BlockName, PeerBlocks, PeerError};
use crate::metrics::PeerMetrics;

/// An owner that has not answered by then is no longer waited for alone: the object store is asked as well, and the first
/// answer counts. Longer than an owner usually takes to load a segment from S3 (100 to 200 ms) and to pass it on, or else
/// most blocks would be loaded twice.
pub const HEDGE_AFTER: Duration = Duration::from_millis(300);
/// An owner that failed is not asked again for this long: about as long as it takes until a dead one is no owner any more.
pub const PEER_BACKOFF: Duration = Duration::from_secs(5);
/// Time for one answer, after which only the object store is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// Answers on their way to this agent: with at most 32 MiB each as a limit, and 8 MiB as a rule, 128 MiB. More blocks are
/// loaded from the object store at once.
const ASKED_AT_ONCE_MAX: usize = 16;

/// The other agents of the zone, as those that blocks are asked from. Clones share it.
#[derive(Clone)]
pub struct PeerCache {
    shared: Arc<Shared>,
}

struct Shared {
    session: Session,
    peers: Arc<dyn PeerBlocks>,
    room: Semaphore,
    backing_off: Mutex<BTreeMap<AgentId, Instant>>,
    metrics: PeerMetrics,
}

/// Bytes, and where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What was asked for.
    pub bytes: Bytes,
    /// Whether another agent gave them.
    pub from_peer: bool,
}

impl PeerCache {
    /// Those that `session` knows, asked by `peers`.
    #[must_use]
    pub fn new(session: Session, peers: Arc<dyn PeerBlocks>, metrics: PeerMetrics) -> Self {
        let (room, backing_off) = (Semaphore::new(ASKED_AT_ONCE_MAX), Mutex::default());
        Self { shared: Arc::new(Shared { session, peers, room, backing_off, metrics }) }
    }

    /// The bytes of `block`: from its owner in the zone, or else from `store`.
    ///
    /// # Errors
    /// What `store` failed with, where the owner has not given it either.
    pub async fn load<E>(&self, block: &BlockName, store: impl Future<Output = Result<Bytes, E>>) -> Result<Loaded, E> {
        let Some(owner) = self.owner_to_ask(block) else { return store.await.map(Loaded::stored) };
        let Ok(_room) = self.shared.room.try_acquire() else {
            self.shared.metrics.fell_back("no_room");
            return store.await.map(Loaded::stored);
        };
        let (mut answer, mut store) = (pin!(self.ask(&owner, block)), pin!(store));
        match timeout(HEDGE_AFTER, &mut answer).await {
            Ok(Ok(bytes)) => return Ok(Loaded::served_by_peer(bytes)),
            Ok(Err(_)) => return store.await.map(Loaded::stored),
            Err(_) => {}
        }
        let failed = tokio::select! {
            biased;
            answer = &mut answer => return match answer {
                Ok(bytes) => Ok(Loaded::served_by_peer(bytes)),
                Err(_) => store.await.map(Loaded::stored),
            },
            stored = &mut store => match stored {
                Ok(bytes) => {
                    self.fell_back(&owner, block, &PeerError::Late(HEDGE_AFTER));
                    return Ok(Loaded::stored(bytes));
                }
                Err(error) => error,
            },
        };
        answer.await.map(Loaded::served_by_peer).map_err(|_| failed)
    }

    /// Who owns it, unless that is this agent, or one that failed a moment ago.
    fn owner_to_ask(&self, block: &BlockName) -> Option<Peer> {
        let session = &self.shared.session;
        let owner = owner(block, &session.node(), &session.candidates(), &session.live())?;
        if self.backing_off().get(&owner.id).is_some_and(|until| *until > Instant::now()) {
            self.shared.metrics.fell_back("left_alone");
            return None;
        }
        Some(owner)
    }

    async fn ask(&self, owner: &Peer, block: &BlockName) -> Result<Bytes, PeerError> {
        let answer = timeout(ANSWER_PATIENCE, self.shared.peers.fetch(&owner.endpoint, block)).await;
        let answer = answer.unwrap_or(Err(PeerError::Late(ANSWER_PATIENCE)));
        let checked = answer.and_then(|bytes| match block.check(&bytes) {
            Ok(()) => Ok(bytes),
            Err(reason) => Err(PeerError::Wrong(reason)),
        });
        match &checked {
            Ok(bytes) => self.shared.metrics.got(bytes.len()),
            Err(error) => self.fell_back(owner, block, error),
        }
        checked
    }

    fn fell_back(&self, owner: &Peer, block: &BlockName, error: &PeerError) {
        self.shared.metrics.fell_back(error.label());
        if !error.is_of_peer() {
            return;
        }
        let (now, mut backing_off) = (Instant::now(), self.backing_off());
        backing_off.retain(|_, until| *until > now);
        if backing_off.insert(owner.id, now + PEER_BACKOFF).is_none() {
            let Peer { id, endpoint } = owner;
            tracing::warn!(peer = %id, %endpoint, %block, %error, "an agent of this zone did not give a block; not asking it for a while");
        }
    }

    fn backing_off(&self) -> MutexGuard<'_, BTreeMap<AgentId, Instant>> {
        self.shared.backing_off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    /// From the object store.
    #[must_use]
    pub fn stored(bytes: Bytes) -> Self {
        Self { bytes, from_peer: false }
    }

    fn served_by_peer(bytes: Bytes) -> Self {
        Self { bytes, from_peer: true }
    }
}
