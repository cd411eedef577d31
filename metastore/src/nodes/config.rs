//! How a process stays registered.

use std::time::Duration;

/// How a process stays registered. All nodes of a cluster should agree on it.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// From one heartbeat to the next.
    pub heartbeat_interval: Duration,
    /// A node that has not beaten for this long is taken for gone, by others and by itself.
    pub expiry: Duration,
    /// This process is the only one of its metastore: it removes all other registrations, and is valid without heartbeats.
    pub alone: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { heartbeat_interval: Duration::from_millis(500), expiry: Duration::from_secs(3), alone: false }
    }
}

impl SessionConfig {
    /// Of the only process of its metastore.
    #[must_use]
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }
}

/// How long the end of a session (to be drained, to be removed) waits for the metastore: it ends by itself anyhow.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);
