//! The agent's numbers: one registry per agent, so that many agents in one process do not mix.
//!
//! Owns: what is counted and under which name. Does not own: when (whoever does the thing counts it), or how the text gets
//! out (`http`).

mod collect;
mod counted;

pub use collect::AgentCollector;
pub use counted::{ApiLabel, Metrics, RequestLabels, SealLabel};
