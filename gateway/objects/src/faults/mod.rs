//! A store that fails on command, around one that works: for tests of everything above.
//!
//! Owns: which request fails, and how. Does not own: what should happen then. Invariant: without rules it changes
//! nothing. Rules are tried in the order in which they were added; the first that matches and is not used up applies.

mod rule;
mod store;

pub use rule::{Fault, Rule};
pub use store::{FaultStore, Faults};
