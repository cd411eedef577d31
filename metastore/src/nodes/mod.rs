//! Nodes: registered processes, their heartbeats and their end.
//!
//! Owns: registration rows, heartbeat rows, and the session by which a process stays registered. Does not own: the rule
//! by which a node is taken for gone (`alluvium_model::node`), leases ([`crate::leases`], which end with the registration).
//!
//! Invariants: a registration is written once and removed once, so that whoever reads it conflicts with its end and with
//! nothing else (heartbeats are rows of their own); no two clocks are compared; a node whose heartbeat failed for a whole
//! expiry knows that it is not valid before anybody else takes it for gone.

mod changes;
mod codec;
mod config;
mod heartbeat;
mod key;
mod service;
mod session;
mod view;

#[cfg(test)]
mod tests;

pub use alluvium_model::node::{Endpoint, Incarnation, LeaseOwner, NewNode, Node, NodeState};
pub use config::SessionConfig;
pub use service::{BeatError, Nodes};
pub use session::Session;

pub(crate) use service::{is_current, may_be_there};
