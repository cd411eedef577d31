//! Nodes: processes that registered themselves.
//!
//! Owns: what a registration contains, the rule by which one node detects that another has failed, and that by which it
//! detects that it cannot use the bucket itself, and when it suspects another. Does not own: rows, the timing of
//! heartbeats (the metastore's `nodes`).

mod degradation;
mod failure_detector;
mod registration;
mod suspicion;

#[cfg(test)]
mod tests;

pub use degradation::DegradationDetector;
pub use failure_detector::{FailureDetector, Liveness, live_states};
pub use registration::{Endpoint, Incarnation, LeaseOwner, NewNode, Node, NodeState};
pub use suspicion::Suspicions;
