//! The violations that a history shows.

/// Violations kept per invariant: one bug may affect thousands of records, and the first few are enough.
const VIOLATIONS_KEPT_MAX: usize = 20;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The name of the invariant.
    pub invariant: &'static str,
    /// What was found, as a sentence.
    pub what: String,
    /// The events that show it: positions in the history, ascending.
    pub events: Vec<usize>,
}

/// The violations that one predicate has found.
#[derive(Debug)]
pub struct Findings {
    invariant: &'static str,
    violations: Vec<Violation>,
    more: usize,
}

impl Findings {
    pub(super) fn new(invariant: &'static str) -> Self {
        Self { invariant, violations: Vec::new(), more: 0 }
    }

    /// Adds a violation that `events` show.
    pub fn add(&mut self, events: impl IntoIterator<Item = usize>, what: impl FnOnce() -> String) {
        if self.violations.len() >= VIOLATIONS_KEPT_MAX {
            self.more += 1;
            return;
        }
        let mut events: Vec<usize> = events.into_iter().collect();
        events.sort_unstable();
        events.dedup();
        self.violations.push(Violation { invariant: self.invariant, what: what(), events });
    }

    pub(super) fn into_violations(mut self) -> Vec<Violation> {
        if let (Some(last), more @ 1..) = (self.violations.last_mut(), self.more) {
            last.what.push_str(&format!(" (and {more} more)"));
        }
        self.violations
    }
}
