//! Which agent does what: rendezvous hashing, the same on every agent that knows the same agents.
//!
//! Owns: who leads a partition for whom, who coordinates a group, who loads a block, who compacts. Does not own: who is
//! alive (the metastore's nodes), or exclusion: any agent *may* do anything, and what must be done by one alone is
//! protected by a lease. Invariants: one agent more or less moves only what it gains or had; agents of the same rank in
//! different zones lead the same partitions; the numbers are fixed for ever, for agents of different versions must agree.

mod candidate;
mod choose;
mod hash;
mod zone;

#[cfg(test)]
mod tests;

pub use candidate::Candidate;
pub use choose::{block_owner, coordinator, leader, owner};
pub use zone::client_zone;
