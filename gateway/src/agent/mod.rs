//! One agent: its parts put together, its metrics read, its tasks stopped.

mod assembly;
mod metrics;
mod shutdown;

pub use assembly::{Agent, AgentParts, StartError};
pub use metrics::{AGENT_METRICS, AgentReadings};
