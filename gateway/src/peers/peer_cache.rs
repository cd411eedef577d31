//! Loads a block from its owner in the zone, or from the object store if the owner is slow or fails.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_metastore::nodes::Session;
use alluvium_model::AgentId;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::block_owner::{Peer, owner};
use super::{BlockName, PeerBlocks, PeerError};
use crate::metrics::PeerMetrics;

/// If the owner has not answered by then, the object store is read as well, and the first answer counts. It is longer
/// than an owner usually takes to load a segment from S3 (100 to 200 ms) and to send it; otherwise most blocks would be
/// loaded twice.
pub const HEDGE_AFTER: Duration = Duration::from_millis(300);
/// An owner that failed is not asked again for this long: about the time until a dead agent stops being an owner.
pub const PEER_BACKOFF: Duration = Duration::from_secs(5);
/// Time for one answer of an owner. After that only the object store is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Requests in flight to other agents, each answered by at most 32 MiB and usually 8 MiB: 128 MiB. Further blocks are
/// loaded from the object store.
const REQUESTS_IN_FLIGHT_MAX: usize = 16;

/// The other agents of the zone as a cache in front of the object store. Clones share it.
#[derive(Clone)]
pub struct PeerCache {
    shared: Arc<PeerCacheState>,
}

/// What the clones of [`PeerCache`] share.
struct PeerCacheState {
    session: Session,
    peers: Arc<dyn PeerBlocks>,
    requests: Semaphore,
    /// Owners that failed lately, and until when they are not asked.
    backing_off: Mutex<BTreeMap<AgentId, Instant>>,
    metrics: PeerMetrics,
}

/// The bytes of a block, and where they came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBlock {
    /// The bytes of the block.
    pub bytes: Bytes,
    /// Whether another agent sent them.
    pub from_peer: bool,
}

impl PeerCache {
    /// Asks the agents that `session` knows, through `peers`.
    #[must_use]
    pub fn new(session: Session, peers: Arc<dyn PeerBlocks>, metrics: PeerMetrics) -> Self {
        let (requests, backing_off) = (Semaphore::new(REQUESTS_IN_FLIGHT_MAX), Mutex::default());
        Self { shared: Arc::new(PeerCacheState { session, peers, requests, backing_off, metrics }) }
    }

    /// Loads `block` from its owner in the zone, or else from `store`.
    ///
    /// # Errors
    /// The error of `store`, if the owner did not send the block either.
    pub async fn load<E>(
        &self,
        block: &BlockName,
        store: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<LoadedBlock, E> {
        let Some(owner) = self.owner_to_ask(block) else { return store.await.map(LoadedBlock::stored) };
        let Ok(_permit) = self.shared.requests.try_acquire() else {
            self.shared.metrics.fell_back("no_room");
            return store.await.map(LoadedBlock::stored);
        };
        let (mut answer, mut store) = (pin!(self.ask(&owner, block)), pin!(store));
        match timeout(HEDGE_AFTER, &mut answer).await {
            Ok(Ok(bytes)) => return Ok(LoadedBlock::served_by_peer(bytes)),
            Ok(Err(_)) => return store.await.map(LoadedBlock::stored),
            Err(_) => {}
        }
        // The owner is slow: its answer and the store race.
        let store_error = tokio::select! {
            biased;
            answer = &mut answer => return match answer {
                Ok(bytes) => Ok(LoadedBlock::served_by_peer(bytes)),
                Err(_) => store.await.map(LoadedBlock::stored),
            },
            stored = &mut store => match stored {
                Ok(bytes) => {
                    self.note_failure(&owner, block, &PeerError::Timeout(HEDGE_AFTER));
                    return Ok(LoadedBlock::stored(bytes));
                }
                Err(error) => error,
            },
        };
        answer.await.map(LoadedBlock::served_by_peer).map_err(|_| store_error)
    }

    /// The owner of `block`; `None` if that is this agent or an agent that failed lately.
    fn owner_to_ask(&self, block: &BlockName) -> Option<Peer> {
        let session = &self.shared.session;
        let owner = owner(block, &session.node(), &session.candidates(), &session.live())?;
        if self.backing_off().get(&owner.id).is_some_and(|until| *until > Instant::now()) {
            self.shared.metrics.fell_back("left_alone");
            return None;
        }
        Some(owner)
    }

    /// Requests `block` from `owner` and checks what it sends.
    async fn ask(&self, owner: &Peer, block: &BlockName) -> Result<Bytes, PeerError> {
        let answer = timeout(ANSWER_TIMEOUT, self.shared.peers.fetch(&owner.endpoint, block)).await;
        let answer = answer.unwrap_or(Err(PeerError::Timeout(ANSWER_TIMEOUT)));
        let checked = answer.and_then(|bytes| match block.check(&bytes) {
            Ok(()) => Ok(bytes),
            Err(reason) => Err(PeerError::InvalidBytes(reason)),
        });
        match &checked {
            Ok(bytes) => self.shared.metrics.got(bytes.len()),
            Err(error) => self.note_failure(owner, block, error),
        }
        checked
    }

    /// Counts the failure. If it is the owner's and not only of this block, the owner is not asked for a while.
    fn note_failure(&self, owner: &Peer, block: &BlockName, error: &PeerError) {
        self.shared.metrics.fell_back(error.label());
        if !error.is_of_peer() {
            return;
        }
        let (now, mut backing_off) = (Instant::now(), self.backing_off());
        backing_off.retain(|_, until| *until > now);
        if backing_off.insert(owner.id, now + PEER_BACKOFF).is_none() {
            let Peer { id, endpoint } = owner;
            tracing::warn!(
                peer = %id, %endpoint, %block, %error,
                "an agent of this zone did not send a block; reading the object store instead of asking it for {} s",
                PEER_BACKOFF.as_secs()
            );
        }
    }

    fn backing_off(&self) -> MutexGuard<'_, BTreeMap<AgentId, Instant>> {
        self.shared.backing_off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoadedBlock {
    /// A block from the object store.
    #[must_use]
    pub fn stored(bytes: Bytes) -> Self {
        Self { bytes, from_peer: false }
    }

    fn served_by_peer(bytes: Bytes) -> Self {
        Self { bytes, from_peer: true }
    }
}
