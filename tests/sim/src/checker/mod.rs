//! The invariants, each a named predicate over a history.
//!
//! Owns: what must hold of every run. Does not own: how a run comes about.

mod violation;

pub use violation::{Violation, check};
