//! One agent: its parts put together, its tasks named and stopped.

mod assembly;
mod drain;

pub use assembly::{Agent, AgentParts, StartError};
