//! Systems that are broken on purpose, so that whole runs show what the checker finds.
//!
//! Owns: which bugs there are, and what of a plan or of a process's stores they change. Does not own: finding them.
//! Invariant: nothing here takes part in a run that did not ask for it.

mod attempt;
mod bug;
mod engine;
mod rows;

pub use bug::Bug;
pub use engine::BuggyEngine;
