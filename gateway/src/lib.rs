//! The stateless agent: Kafka and HTTP on top of the metastore and object storage.
//!
//! Owns: the pipelines (`produce`, `fetch`), the agent's copy of topics and heads (`metadata_cache`), its composition (`agent`) and
//! its numbers (`metrics`). Does not own: stored state (the metastore), bytes at rest (the object store), or processes.
//! Invariant: nothing here outlives the process; every agent can serve everything.

pub mod agent;
pub mod config;
pub mod fetch;
pub mod groups;
pub mod http;
pub mod kafka;
pub mod listen;
pub mod live_agents;
pub mod metadata_cache;
pub mod metrics;
pub mod peers;
pub mod produce;
pub mod recent_segments;
pub mod topic_creation;

#[cfg(test)]
mod tests;
