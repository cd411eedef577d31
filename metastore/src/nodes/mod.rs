//! Nodes: registered processes, and the heartbeats by which they stay registered.
//!
//! Owns: registration rows, heartbeat rows, and the session by which a process stays registered. Does not own: the
//! failure detector (`alluvium_model::node`), leases ([`crate::leases`], which end with the registration of their
//! owner).
//!
//! Invariants: a registration is written once and removed once, so that a transaction that reads it conflicts with its
//! removal and with nothing else (heartbeats are rows of their own); no two clocks are compared; a node whose
//! heartbeats have failed for a whole expiry knows that it is not valid before any other node considers it failed.

mod announcements;
mod changes;
mod config;
mod heartbeat;
mod heartbeat_row;
mod key;
mod registration_row;
mod service;
mod session;
mod session_state;

#[cfg(test)]
mod tests;

pub use alluvium_model::node::{Endpoint, Incarnation, LeaseOwner, NewNode, Node, NodeState};
pub use config::SessionConfig;
pub use service::{HeartbeatError, Nodes};
pub use session::Session;

pub(crate) use service::{is_registered, may_hold_leases};
