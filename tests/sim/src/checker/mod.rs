//! The invariants, each a named predicate over a history.
//!
//! Owns: what must hold of every run. Does not own: how a run comes about. Invariants: a history of a correct system never
//! fails, whatever was unknown, deleted, trimmed, crashed or concurrent in it; judging takes about as long as sorting.
//! `predicates` has one file per name; their table is the list of what is checked.

mod findings;
mod indexed_history;
mod predicates;
mod trace;

#[cfg(test)]
mod tests;

pub use findings::{Findings, Violation};
pub use predicates::{PREDICATES, Predicate, check};
pub use trace::trace;
