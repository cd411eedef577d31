//! What is wrong with a history.

/// Violations kept of one invariant: one bug breaks thousands of records, and the first few tell all.
const VIOLATIONS_KEPT_MAX: usize = 20;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What was found, in a sentence.
    pub what: String,
    /// Which events show it: positions in the history, ascending.
    pub events: Vec<usize>,
}

/// What one predicate has found.
#[derive(Debug)]
pub struct Findings {
    invariant: &'static str,
    kept: Vec<Violation>,
    more: usize,
}

impl Findings {
    pub(super) fn new(invariant: &'static str) -> Self {
        Self { invariant, kept: Vec::new(), more: 0 }
    }

    /// Another violation, shown by `events`.
    pub fn add(&mut self, events: impl IntoIterator<Item = usize>, what: impl FnOnce() -> String) {
        if self.kept.len() >= VIOLATIONS_KEPT_MAX {
            self.more += 1;
            return;
        }
        let mut events: Vec<usize> = events.into_iter().collect();
        events.sort_unstable();
        events.dedup();
        self.kept.push(Violation { invariant: self.invariant, what: what(), events });
    }

    pub(super) fn into_violations(mut self) -> Vec<Violation> {
        if let (Some(last), more @ 1..) = (self.kept.last_mut(), self.more) {
            last.what.push_str(&format!(" (and {more} more)"));
        }
        self.kept
    }
}
