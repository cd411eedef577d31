//! Timing of the heartbeats by which a process stays registered.

use std::time::Duration;

use alluvium_model::limits;

/// How a process stays registered. Nodes of a cluster may differ: each registers its expiry.
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
        Self { heartbeat_interval: limits::HEARTBEAT_INTERVAL, expiry: limits::NODE_EXPIRY, alone: false }
    }
}

impl SessionConfig {
    /// The configuration of a process that is the only one to use its metastore.
    #[must_use]
    pub fn alone() -> Self {
        Self { alone: true, ..Self::default() }
    }
}
