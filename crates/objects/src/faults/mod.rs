//! Injected faults, for tests of everything above: a store that fails by rules around one that works
//! (`fault_store.rs`, `rule.rs`), and a simulated bucket that fails at random by a seed (`simulated_bucket.rs`,
//! `bucket_faults.rs`).
//!
//! Owns: which request fails, and how. Does not own: what should happen then. Invariant: without rules or rates nothing
//! fails. Rules are tried in the order in which they were added; the first that matches and is not used up applies.

mod bucket_faults;
mod fault_store;
mod rule;
mod simulated_bucket;

pub use bucket_faults::{BucketFaultSwitch, BucketFaults};
pub use fault_store::{FaultStore, Faults};
pub use rule::{Fault, FaultRule};
pub use simulated_bucket::SimulatedBucket;
