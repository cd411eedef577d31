//! What a session says of its node: that it is degraded, that it drains, that it leaves, what its compactor has to do.

use std::time::Duration;

use alluvium_model::CompactionLoad;
use alluvium_model::node::NodeState;
use tokio::time::timeout;

use super::session::Session;

/// How long a session waits for the metastore to record a change of its node's state, or its end. If it does not, the
/// next heartbeat does, or the registration expires.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

impl Session {
    /// Sets the state of this node to draining: clients are no longer sent to it. Returns once that is recorded, or
    /// after a timeout.
    pub async fn drain(&self) {
        self.set_state(NodeState::Draining).await;
    }

    /// Sets whether this node is degraded, unless it drains: clients are sent to other nodes while it is. Returns once
    /// that is recorded, or after a timeout.
    pub async fn set_degraded(&self, is_degraded: bool) {
        self.set_state(if is_degraded { NodeState::Degraded } else { NodeState::Active }).await;
    }

    /// Sets what the compactor of this node has to do: the next heartbeat says it to the others.
    pub fn set_compaction(&self, load: CompactionLoad) {
        self.update(|state| {
            state.set_compaction(load);
            false
        });
    }

    async fn set_state(&self, new: NodeState) {
        self.update(|state| state.set_state(new));
        if !self.0.config.alone && timeout(RECORD_TIMEOUT, self.heartbeat_until_recorded()).await.is_err() {
            tracing::warn!(state = ?new, "state of this node could not be recorded in time; the next heartbeat does it");
        }
    }

    /// Ends the session: the registration is removed, and with it all its leases. If that cannot be recorded in time,
    /// the registration expires.
    pub async fn leave(&self) {
        self.end();
        let removal = async {
            // Waits for a heartbeat in flight.
            let _heartbeat_state = self.0.heartbeat_state.lock().await;
            self.0.nodes.leave(self.lease_owner()).await
        };
        match timeout(RECORD_TIMEOUT, removal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "registration could not be removed; it will expire"),
            Err(_) => tracing::warn!("registration could not be removed in time; it will expire"),
        }
    }
}
