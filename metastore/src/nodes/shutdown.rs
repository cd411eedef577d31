//! The end of a session: draining, and leaving.

use std::time::Duration;

use alluvium_model::node::NodeState;
use tokio::time::timeout;

use super::session::Session;

/// How long a session that is draining or ending waits for the metastore to record it. If it does not, the registration
/// expires.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

impl Session {
    /// Sets the state of this node to draining: clients are no longer sent to it. Returns once that is recorded, or
    /// after a timeout.
    pub async fn drain(&self) {
        self.update(|state| state.set_state(NodeState::Draining));
        if !self.0.config.alone && timeout(SHUTDOWN_TIMEOUT, self.heartbeat_until_recorded()).await.is_err() {
            tracing::warn!("draining could not be recorded in time; the next heartbeat records it");
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
        match timeout(SHUTDOWN_TIMEOUT, removal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "registration could not be removed; it will expire"),
            Err(_) => tracing::warn!("registration could not be removed in time; it will expire"),
        }
    }
}
