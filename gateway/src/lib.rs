//! The gateway: the stateless agent that serves Kafka and HTTP on top of the metastore and object storage.
//!
//! Owns: the write path (`produce`), the read path (`fetch`), group coordination (`groups`), the agent's copy of
//! topics, heads and recent extents (`metadata_cache`), their assembly into one process (`agent`), and its metrics.
//! Does not own: stored state (the metastore) or stored bytes (the object store).
//!
//! Invariant: nothing here outlives the process, and every agent can serve every partition.
//!
//! Modules form layers. A module imports only from those before it in this order: `config`, `bounded_cache`, `metrics`,
//! `memory`, `listen`, `live_agents`, `bucket_watch`, `pause_watch`, `metadata_cache`, `recent_segments`, `peers`, `produce`, `fetch`,
//! `groups`, `transactions`, `agent`, `topic_creation`, `kafka`, `http`.

pub mod agent;
mod bounded_cache;
pub mod bucket_watch;
pub mod config;
pub mod fetch;
pub mod groups;
pub mod http;
pub mod kafka;
pub mod listen;
pub mod live_agents;
pub mod memory;
pub mod metadata_cache;
pub mod metrics;
pub mod pause_watch;
pub mod peers;
pub mod produce;
pub mod recent_segments;
pub mod topic_creation;
pub mod transactions;

#[cfg(test)]
mod tests;
