//! The invariants, each a named predicate over a history.
//!
//! Owns: what must hold of every run. Does not own: how a run is made. Invariants: a history of a correct system has no
//! violation, whatever was unknown, deleted, trimmed, crashed or concurrent in it; checking takes about as long as
//! sorting. `predicates` has one file per invariant; `predicates/table.rs` lists them.

mod findings;
mod indexed_history;
mod predicates;
mod trace;

#[cfg(test)]
mod tests;

pub use findings::{Findings, Violation};
pub use predicates::{PREDICATES, Predicate, check};
pub use trace::trace;
