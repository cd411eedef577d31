//! A store that fails on command, around one that works, and one that fails by a seed: for tests of everything above.
//!
//! Owns: which request fails, and how. Does not own: what should happen then. Invariant: without rules it changes
//! nothing. Rules are tried in the order in which they were added; the first that matches and is not used up applies.

mod dice;
mod rule;
mod simulated;
mod store;

pub use dice::{BucketTrouble, TroubleSwitch};
pub use rule::{Fault, Rule};
pub use simulated::SimulatedBucket;
pub use store::{FaultStore, Faults};
