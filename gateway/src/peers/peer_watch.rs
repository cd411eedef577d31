//! Watches the other agents through open connections: if one closes and the next is refused, the process has ended, and
//! clients are sent elsewhere long before its heartbeats are missed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alluvium_metastore::nodes::Session;
use alluvium_model::node::{Endpoint, LeaseOwner};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::PeerBlocks;

/// Agents watched at once, each by one connection. The others are found dead by their heartbeats.
const WATCHED_MAX: usize = 128;
/// Pause before an agent that seemed to have ended is watched again: its heartbeats decide meanwhile.
const REWATCH_PAUSE: Duration = Duration::from_secs(1);

/// Watches the agents that a session knows.
pub struct PeerWatch {
    session: Session,
    peers: Arc<dyn PeerBlocks>,
}

/// One agent while it is watched. The result is its registration, which has ended or is no longer live.
type Watched = BoxFuture<'static, LeaseOwner>;

impl PeerWatch {
    /// Watches the agents that `session` knows, through `peers`.
    #[must_use]
    pub fn new(session: Session, peers: Arc<dyn PeerBlocks>) -> Self {
        Self { session, peers }
    }

    /// Watches until `cancel`. To be run once, in the background.
    pub async fn run(self, cancel: CancellationToken) {
        let mut changes = self.session.changes();
        let (mut watched, mut owners) = (FuturesUnordered::new(), BTreeSet::new());
        loop {
            changes.mark_unchanged();
            self.watch_new(&mut watched, &mut owners);
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                Some(owner) = watched.next(), if !watched.is_empty() => {
                    owners.remove(&owner);
                }
                changed = changes.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    fn watch_new(&self, watched: &mut FuturesUnordered<Watched>, owners: &mut BTreeSet<LeaseOwner>) {
        let own = self.session.node().id;
        for node in self.session.live().iter().filter(|node| node.id != own && node.kafka.is_some()) {
            let Some(endpoint) = node.http.clone() else { continue };
            if owners.len() < WATCHED_MAX && owners.insert(node.lease_owner()) {
                let (session, peers) = (self.session.clone(), Arc::clone(&self.peers));
                watched.push(Box::pin(watch(session, peers, node.lease_owner(), endpoint)));
            }
        }
    }
}

/// Suspects the agent `owner` whenever its process seems to have ended, until it is not live any more.
async fn watch(session: Session, peers: Arc<dyn PeerBlocks>, owner: LeaseOwner, endpoint: Endpoint) -> LeaseOwner {
    let suspect = async {
        loop {
            peers.ended(&endpoint).await;
            session.suspect(owner);
            sleep(REWATCH_PAUSE).await;
        }
    };
    let mut changes = session.changes();
    let gone = async {
        while session.live().iter().any(|node| node.lease_owner() == owner) && changes.changed().await.is_ok() {}
    };
    tokio::select! {
        biased;
        () = gone => owner,
        () = suspect => owner,
    }
}
