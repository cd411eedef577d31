//! The heartbeat: keeps this process registered, reads which other nodes are live, and removes those that have failed.

use alluvium_model::node::{Incarnation, LeaseOwner};
use futures::future::{join, join_all};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    HeartbeatError,
    session::{HeartbeatState, Session},
};

/// The result of a heartbeat that did not fail.
enum HeartbeatOutcome {
    /// It was recorded. These registrations are expired, each with the number of its last heartbeat.
    Recorded(Vec<(LeaseOwner, u64)>),
    /// The session has ended: no further heartbeat is needed.
    Ended,
}

impl Session {
    /// The heartbeat loop, which the opener of the session must spawn. It ends with `cancel`, with [`Self::leave`], and
    /// when another process has taken the id of this one.
    pub async fn run(self, cancel: CancellationToken) {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            () = self.heartbeat_until_ended() => {}
        }
    }

    async fn heartbeat_until_ended(&self) {
        if self.is_alone() {
            return;
        }
        let config = self.config();
        loop {
            // A heartbeat that has taken a whole expiry cannot make the node valid any more: start another.
            let expired = match timeout(config.expiry, self.heartbeat()).await {
                Ok(Ok(HeartbeatOutcome::Recorded(expired))) => expired,
                Ok(Ok(HeartbeatOutcome::Ended)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(node = %self.node().id, %error, "heartbeat failed; trying again");
                    Vec::new()
                }
                Err(_) => {
                    tracing::warn!(node = %self.node().id, "heartbeat took longer than the expiry; trying again");
                    Vec::new()
                }
            };
            // The removal runs during the pause, with a short timeout: this node's own next heartbeat must be in time.
            let removal = timeout(config.expiry / 4, self.remove_expired(expired));
            if join(sleep(config.heartbeat_interval), removal).await.1.is_err() {
                tracing::warn!("expired nodes could not be removed in time; trying again after the next heartbeat");
            }
        }
    }

    /// Sends heartbeats until one is recorded, or the session has ended.
    pub(super) async fn heartbeat_until_recorded(&self) {
        while let Err(error) = self.heartbeat().await {
            tracing::debug!(node = %self.node().id, %error, "heartbeat failed; trying again");
            sleep(self.config().heartbeat_interval).await;
        }
    }

    async fn heartbeat(&self) -> Result<HeartbeatOutcome, HeartbeatError> {
        let mut state = self.0.heartbeat_state.lock().await;
        if self.has_ended() {
            return Ok(HeartbeatOutcome::Ended);
        }
        let (started, node) = (Instant::now(), self.node());
        let (owner, now) = (node.lease_owner(), self.0.clock.now());
        match self.0.nodes.heartbeat_and_read(owner, node.state, node.compaction, now).await {
            Ok(rows) => {
                let liveness = state.failure_detector.observe(&rows.nodes, &rows.replaced, self.0.origin.elapsed());
                self.update(|session| session.heartbeat_succeeded(started, liveness.live));
                Ok(HeartbeatOutcome::Recorded(liveness.expired))
            }
            // Only a process that must have its id can be replaced: any other takes another id.
            Err(HeartbeatError::Replaced) if self.0.new.id.is_some() => {
                self.end_replaced();
                // Its leases are free from now on. If this fails they become free within an expiry.
                self.0.nodes.leave(node.lease_owner()).await?;
                Ok(HeartbeatOutcome::Ended)
            }
            Err(HeartbeatError::Removed | HeartbeatError::Replaced) => {
                // Other nodes may acquire its leases at any time.
                self.update(|session| session.last_heartbeat.take().is_some());
                self.register_again(&mut state).await
            }
            Err(error @ HeartbeatError::Metastore(_)) => Err(error),
        }
    }

    async fn register_again(&self, state: &mut HeartbeatState) -> Result<HeartbeatOutcome, HeartbeatError> {
        let context = &*self.0;
        let first_attempt = || (Incarnation(context.rng.next_u64()), Instant::now());
        let (incarnation, started) = *state.registering_again.get_or_insert_with(first_attempt);
        let old = self.node().id;
        match context.nodes.register_again(&context.new, old, incarnation, context.clock.now()).await {
            Ok(node) => {
                state.registering_again = None;
                tracing::warn!(node = %node.id, %incarnation, "registration was removed; registered again");
                self.update(|session| session.registered_again(node, started));
                Ok(HeartbeatOutcome::Recorded(Vec::new()))
            }
            Err(HeartbeatError::Replaced) => {
                self.end_replaced();
                Ok(HeartbeatOutcome::Ended)
            }
            Err(error) => Err(error),
        }
    }

    fn end_replaced(&self) {
        tracing::error!(node = %self.node().id, "another process has registered with the id of this node; ending");
        self.end();
        self.0.replaced.cancel();
    }

    async fn remove_expired(&self, expired: Vec<(LeaseOwner, u64)>) {
        let remove = |(owner, heartbeats)| async move {
            match self.0.nodes.remove_silent(owner, heartbeats).await {
                Ok(true) => tracing::warn!(lease_owner = %owner, "removed a node that sent no heartbeat in time"),
                Ok(false) => {}
                Err(error) => tracing::warn!(lease_owner = %owner, %error, "expired node could not be removed"),
            }
        };
        join_all(expired.into_iter().map(remove)).await;
    }
}
