//! How far the beginning of a partition may be gone.

use std::time::Duration;

use alluvium_model::Offset;

use crate::history::{Outcome, Retention};

/// A `DeleteRecords` that was not refused.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// The event that tells of it.
    pub event: usize,
    /// When it was asked for.
    pub began: Duration,
    /// When it ended.
    pub at: Duration,
    /// Below what records may be gone; the largest offset where nobody can tell.
    pub before: Offset,
    /// Whether it was confirmed.
    pub done: bool,
}

/// What may be gone of one partition, and why.
#[derive(Clone, Debug, Default)]
pub struct Floor {
    /// In order of their end.
    pub trims: Vec<Trim>,
    /// What goes by itself.
    pub retention: Retention,
    /// When the deletion of the topic was first asked for, unless it was refused.
    pub deletion: Option<Duration>,
    /// The highest log start that any answer told of.
    pub told: Offset,
}

impl Floor {
    /// The highest log start that may be right at `at`, were there no retention.
    #[must_use]
    pub fn asked_by(&self, at: Duration) -> Offset {
        let asked = self.trims.iter().filter(|trim| trim.began <= at).map(|trim| trim.before);
        asked.max().unwrap_or_default()
    }

    /// Below what a read that ended at `at` need not have found anything.
    #[must_use]
    pub fn excused_by(&self, at: Duration) -> Offset {
        let asked = self.asked_by(at);
        if self.retention == Retention::Forever { asked } else { asked.max(self.told) }
    }

    /// Below what nothing need be there at the end.
    #[must_use]
    pub fn at_end(&self) -> Offset {
        self.excused_by(Duration::MAX)
    }

    /// The topic may be gone.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.deletion.is_some()
    }

    /// A read that ended at `at` may have found the topic gone.
    #[must_use]
    pub fn deleted_by(&self, at: Duration) -> bool {
        self.deletion.is_some_and(|began| began <= at)
    }

    pub(super) fn trim(
        &mut self,
        event: usize,
        (began, at): (Duration, Duration),
        asked: (Option<Offset>, Option<Offset>),
        outcome: Outcome,
    ) {
        let before = match (asked, outcome) {
            (_, Outcome::Refused) => return,
            ((Some(before), _), Outcome::Done | Outcome::Unknown) => before,
            ((None, Some(log_start)), Outcome::Done) => log_start,
            ((None, _), Outcome::Done | Outcome::Unknown) => Offset(i64::MAX),
        };
        self.trims.push(Trim { event, began, at, before, done: outcome == Outcome::Done });
    }

    pub(super) fn delete(&mut self, began: Duration, outcome: Outcome) {
        if outcome != Outcome::Refused {
            self.deletion = Some(self.deletion.map_or(began, |first| first.min(began)));
        }
    }
}
