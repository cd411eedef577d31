//! The living registration of this process.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alluvium_model::{
    node::{Incarnation, LeaseOwner, NewNode, Node, NodeState, Observer},
    placement::Candidate,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Nodes, SessionConfig, changes::Changes, config::FAREWELL, service::Registered, view::View};
use crate::keyspace::Error;
use alluvium_runtime::{Clock, Rng};

/// The living registration of this process. Clones share it.
#[derive(Clone)]
pub struct Session(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub nodes: Nodes,
    pub new: NewNode,
    pub config: SessionConfig,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub origin: Instant,
    /// Who speaks to the metastore for this registration: heartbeats, and the end, one after the other.
    pub turn: tokio::sync::Mutex<Turn>,
    pub replaced: CancellationToken,
    view: Mutex<View>,
    changes: Changes,
}

pub(super) struct Turn {
    pub observer: Observer,
    /// By which incarnation it is being registered again, and since when, until that is known to be done: what may be done
    /// already is not done twice, and counts from when it may have been done.
    pub again: Option<(Incarnation, Instant)>,
}

impl Session {
    /// Registers this process. `config.alone`: as the only one of its metastore (an embedded store, whose directory is
    /// locked): all other registrations are removed, and no heartbeats are needed.
    pub async fn open(
        nodes: Nodes,
        new: NewNode,
        config: SessionConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, Error> {
        let (begun, incarnation, now) = (Instant::now(), Incarnation(rng.next_u64()), clock.now());
        let (node, rows) = if config.alone {
            (nodes.register_alone(&new, incarnation, now).await?, Registered::default())
        } else {
            (nodes.register(&new, incarnation, now).await?, nodes.read().await?)
        };
        tracing::info!(node = %node.id, zone = node.zone.as_deref(), rank = node.rank, %incarnation, "registered");
        let (origin, mut observer) = (Instant::now(), Observer::new(config.expiry));
        let mut view = View::new(node, begun);
        view.show(observer.observe(&rows.nodes, &rows.replaced, origin.elapsed()).live);
        let turn = tokio::sync::Mutex::new(Turn { observer, again: None });
        let (view, changes) = (Mutex::new(view), Changes::default());
        let replaced = CancellationToken::new();
        Ok(Self(Arc::new(Shared { nodes, new, config, clock, rng, origin, turn, replaced, view, changes })))
    }

    /// This process, as registered last.
    #[must_use]
    pub fn node(&self) -> Arc<Node> {
        Arc::clone(&self.view().node)
    }

    /// This process, as one that leases.
    #[must_use]
    pub fn lease_owner(&self) -> LeaseOwner {
        self.view().node.lease_owner()
    }

    /// All nodes that are not expired, by id, as of the last heartbeat; this process always.
    #[must_use]
    pub fn live(&self) -> Arc<[Node]> {
        Arc::clone(&self.view().live)
    }

    /// The agents among them that can be named to clients.
    #[must_use]
    pub fn candidates(&self) -> Arc<[Candidate]> {
        Arc::clone(&self.view().candidates)
    }

    /// Grows whenever [`Self::live`] or a state in it changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.watch()
    }

    /// Whether this process is the only one of its metastore.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.0.config.alone
    }

    /// Whether nobody can have taken this process for gone yet, so that what it knows under a lease may be answered from
    /// memory: the last successful heartbeat was *begun* less than an expiry ago.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let view = self.view();
        let is_heard = |beaten: Instant| self.0.config.alone || beaten.elapsed() < self.0.config.expiry;
        !view.is_over && view.beaten.is_some_and(is_heard)
    }

    /// How long ago the last successful heartbeat was begun; `None` once the session is over.
    #[must_use]
    pub fn heartbeat_age(&self) -> Option<Duration> {
        let view = self.view();
        let age = |beaten: Instant| if self.0.config.alone { Duration::ZERO } else { beaten.elapsed() };
        view.beaten.filter(|_| !view.is_over).map(age)
    }

    /// Makes this process one that is draining: named to nobody from now on. Returns once that is written, or cannot be.
    pub async fn drain(&self) {
        self.update(|view| view.enter(NodeState::Draining));
        if !self.0.config.alone && timeout(FAREWELL, self.beat_until_heard()).await.is_err() {
            tracing::warn!("draining could not be announced in time; the next heartbeat says it");
        }
    }

    /// Ends the session: the registration is removed, and with it all leases. Where that cannot be written in time the
    /// registration expires.
    pub async fn leave(&self) {
        self.end();
        let farewell = async {
            // After the heartbeat that is under way.
            let _turn = self.0.turn.lock().await;
            self.0.nodes.leave(self.lease_owner()).await
        };
        match timeout(FAREWELL, farewell).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "registration could not be removed; it will expire"),
            Err(_) => tracing::warn!("registration could not be removed in time; it will expire"),
        }
    }

    /// Waits until another process has taken the id of this one, which must end then.
    pub async fn replaced(&self) {
        self.0.replaced.cancelled().await;
    }

    /// From here on nothing may be answered from memory, and nothing is registered again.
    pub(super) fn end(&self) {
        self.update(|view| !std::mem::replace(&mut view.is_over, true));
    }

    pub(super) fn is_over(&self) -> bool {
        self.view().is_over
    }

    /// Changes what is known; wakes those who wait for it where `change` says that it did.
    pub(super) fn update(&self, change: impl FnOnce(&mut View) -> bool) {
        if change(&mut self.view()) {
            self.0.changes.tell();
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.0.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
