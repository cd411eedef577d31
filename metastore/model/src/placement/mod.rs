//! Placement: which agent does what, by rendezvous hashing, the same on every agent that knows the same agents.
//!
//! Owns: which agent leads a partition for a zone, coordinates a group, loads a block, compacts. Does not own: which
//! agents are alive (the metastore's nodes), or exclusion: any agent *may* do anything, and work that only one may do
//! at a time is protected by a lease. Invariants: adding or removing one agent moves only what it gets or had; agents
//! of the same rank in different zones lead the same partitions; the numbers never change, because agents of different
//! versions must agree.

mod candidate;
mod choose;
mod hash;
mod zone;

#[cfg(test)]
mod tests;

pub use candidate::Candidate;
pub use choose::{block_owner, coordinator, leader, owner};
pub use zone::client_zone;
