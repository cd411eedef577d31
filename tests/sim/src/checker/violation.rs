//! What is wrong with a history.

use crate::history::History;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What was found, in a sentence.
    pub what: String,
    /// Which events show it: indices, ascending.
    pub events: Vec<usize>,
}

/// Everything that is wrong with `history`.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let _ = history;
    Vec::new()
}
