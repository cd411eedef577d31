//! Timing of the heartbeats by which a process stays registered.

use std::time::Duration;

/// How a process stays registered. All nodes of a cluster should agree on it.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The pause between two heartbeats.
    pub heartbeat_interval: Duration,
    /// A node that has sent no heartbeat for this long is no longer valid, and other nodes consider it failed.
    pub expiry: Duration,
    /// Whether this process is the only one that uses its metastore: it removes all other registrations, and is valid
    /// without heartbeats.
    pub alone: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { heartbeat_interval: Duration::from_millis(500), expiry: Duration::from_secs(3), alone: false }
    }
}

impl SessionConfig {
    /// The configuration of a process that is the only one to use its metastore.
    #[must_use]
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }
}
