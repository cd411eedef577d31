//! Bug injection: runs of a system with a known bug show that the checker finds it.
//!
//! Owns: the list of bugs, and how each changes the plan of a run or a process's access to the metastore. Does not own:
//! finding them. Invariant: nothing here takes part in a run that did not ask for it.

mod attempt;
mod bug;
mod engine;
mod rows;

pub use bug::Bug;
pub use engine::BuggyEngine;
