//! One agent: its parts put together, its tasks named and stopped.

mod assembly;
mod config;
mod drain;
mod life;
mod tasks;

pub use assembly::{Agent, AgentParts, StartError};
pub use config::AgentConfig;
pub use life::{Bound, Life};
pub use tasks::Tasks;
