//! Nodes: processes that registered themselves.
//!
//! Owns: what a registration says, and the rule by which one node finds out that another is gone. Does not own: rows, the
//! heartbeat's timing (the metastore's `nodes`).

mod observer;
mod registration;

#[cfg(test)]
mod tests;

pub use observer::{Observed, Observer, standing};
pub use registration::{Endpoint, Incarnation, LeaseOwner, NewNode, Node, NodeState};
