//! The session: the registration of this process, kept up by heartbeats.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alluvium_model::{
    node::{FailureDetector, Incarnation, LeaseOwner, NewNode, Node},
    placement::Candidate,
};
use alluvium_runtime::{Clock, Rng};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Nodes, SessionConfig, changes::Changes, service::NodeRows, session_state::SessionState};
use crate::keyspace::Error;

/// The registration of this process, kept up by heartbeats. Clones share it.
#[derive(Clone)]
pub struct Session(pub(super) Arc<SessionContext>);

/// What all clones of a session share.
pub(super) struct SessionContext {
    /// The service that reads and writes registrations.
    pub nodes: Nodes,
    /// What this process registers itself with.
    pub new: NewNode,
    /// Heartbeat interval and expiry.
    pub config: SessionConfig,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Draws incarnations.
    pub rng: Arc<dyn Rng>,
    /// The zero of the failure detector's time.
    pub origin: Instant,
    /// Held while this registration is written: heartbeats and the removal happen one after the other.
    pub heartbeat_state: tokio::sync::Mutex<HeartbeatState>,
    /// Cancelled once another process has taken the id of this one.
    pub replaced: CancellationToken,
    state: Mutex<SessionState>,
    changes: Changes,
}

/// The state that only heartbeats use.
pub(super) struct HeartbeatState {
    /// Decides which nodes are alive from the heartbeats read so far.
    pub failure_detector: FailureDetector,
    /// The incarnation by which this process is registering again, and the start of the first attempt, until one is
    /// known to have succeeded. All attempts use the same incarnation, so that at most one registers, and the
    /// registration counts from the earliest time at which it may have been made.
    pub registering_again: Option<(Incarnation, Instant)>,
}

impl Session {
    /// Registers this process. If it is alone (`config.alone`: an embedded store, whose directory is locked), all other
    /// registrations are removed, and no heartbeats are needed.
    pub async fn open(
        nodes: Nodes,
        new: NewNode,
        config: SessionConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, Error> {
        let new = NewNode { expiry: config.expiry, ..new };
        let (started, incarnation, now) = (Instant::now(), Incarnation(rng.next_u64()), clock.now());
        let (node, rows) = if config.alone {
            (nodes.register_alone(&new, incarnation, now).await?, NodeRows::default())
        } else {
            (nodes.register(&new, incarnation, now).await?, nodes.read().await?)
        };
        tracing::info!(node = %node.id, zone = node.zone.as_deref(), rank = node.rank, %incarnation, "registered");
        let (origin, mut failure_detector) = (Instant::now(), FailureDetector::default());
        let mut state = SessionState::new(node, started);
        state.set_live(failure_detector.observe(&rows.nodes, &rows.replaced, origin.elapsed()).live);
        Ok(Self(Arc::new(SessionContext {
            nodes,
            new,
            config,
            clock,
            rng,
            origin,
            heartbeat_state: tokio::sync::Mutex::new(HeartbeatState { failure_detector, registering_again: None }),
            replaced: CancellationToken::new(),
            state: Mutex::new(state),
            changes: Changes::default(),
        })))
    }

    /// This node, as it registered last.
    #[must_use]
    pub fn node(&self) -> Arc<Node> {
        Arc::clone(&self.state().node)
    }

    /// This registration as an owner of leases.
    #[must_use]
    pub fn lease_owner(&self) -> LeaseOwner {
        self.state().node.lease_owner()
    }

    /// All nodes that are not expired, by id, as of the last heartbeat; this node is always among them.
    #[must_use]
    pub fn live(&self) -> Arc<[Node]> {
        Arc::clone(&self.state().live)
    }

    /// The live nodes that have probably died: see [`Self::suspect`].
    #[must_use]
    pub fn suspects(&self) -> Arc<BTreeSet<LeaseOwner>> {
        Arc::clone(&self.state().suspects)
    }

    /// Notes that another node has probably died. Clients are not sent to it until it expires, or is seen to send
    /// heartbeats; its leases are not free before it has expired.
    pub fn suspect(&self, owner: LeaseOwner) {
        self.update(|state| {
            let is_new = state.suspect(owner);
            if is_new {
                tracing::warn!(lease_owner = %owner, "a node closed its connections and refuses new ones");
            }
            is_new
        });
    }

    /// The agents among the live nodes that clients can be sent to.
    #[must_use]
    pub fn candidates(&self) -> Arc<[Candidate]> {
        Arc::clone(&self.state().candidates)
    }

    /// A channel whose value grows whenever the set of live nodes, or the state of one of them, changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Whether this process is the only one that uses its metastore.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.0.config.alone
    }

    /// Whether no other node can consider this one failed yet: the last successful heartbeat *started* less than an
    /// expiry ago. Only then may it answer from memory what it knows under a lease.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let state = self.state();
        let is_recent = |started: Instant| self.0.config.alone || started.elapsed() < self.0.config.expiry;
        !state.has_ended && state.last_heartbeat.is_some_and(is_recent)
    }

    /// How long ago the last successful heartbeat started; `None` once the session has ended or the registration is
    /// lost.
    #[must_use]
    pub fn heartbeat_age(&self) -> Option<Duration> {
        let state = self.state();
        let age = |started: Instant| if self.0.config.alone { Duration::ZERO } else { started.elapsed() };
        state.last_heartbeat.filter(|_| !state.has_ended).map(age)
    }

    /// Waits until another process has taken the id of this one, which must then end.
    pub async fn replaced(&self) {
        self.0.replaced.cancelled().await;
    }

    /// Marks the session as ended: nothing may be answered from memory any more, and it never registers again.
    pub(super) fn end(&self) {
        self.update(|state| !std::mem::replace(&mut state.has_ended, true));
    }

    /// Whether the session has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state().has_ended
    }

    /// Applies `change` to the state, and wakes subscribers if it returns true.
    pub(super) fn update(&self, change: impl FnOnce(&mut SessionState) -> bool) {
        if change(&mut self.state()) {
            self.0.changes.notify();
        }
    }

    /// The timing of heartbeats.
    pub(super) fn config(&self) -> &SessionConfig {
        &self.0.config
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
