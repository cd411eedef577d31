//! Nodes: processes that registered themselves.
//!
//! Owns: what a registration contains, and the rule by which one node detects that another has failed. Does not own:
//! rows, the timing of heartbeats (the metastore's `nodes`).

mod failure_detector;
mod registration;

#[cfg(test)]
mod tests;

pub use failure_detector::{FailureDetector, Liveness, live_states};
pub use registration::{Endpoint, Incarnation, LeaseOwner, NewNode, Node, NodeState};
