//! The stateless agent: Kafka and HTTP on top of the metastore and object storage.
//!
//! Owns: the pipelines (`produce`, `fetch`), the agent's picture of the cluster (`view`), its composition (`agent`) and
//! its numbers (`metrics`). Does not own: stored state (the metastore), bytes at rest (the object store), or processes.
//! Invariant: nothing here outlives the process; every agent can serve everything.

pub mod agent;
pub mod fetch;
pub mod groups;
pub mod http;
pub mod kafka;
pub mod listen;
pub mod metrics;
pub mod peers;
pub mod produce;
pub mod roster;
pub mod topic_creation;
pub mod view;

#[cfg(test)]
mod tests;
