//! The offset below which records of a partition may have been deleted.

use std::time::Duration;

use alluvium_model::Offset;

use crate::history::{Outcome, Retention};

/// A `DeleteRecords` that was not rejected.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// Its event.
    pub event: usize,
    /// When it was requested.
    pub began: Duration,
    /// When it ended.
    pub at: Duration,
    /// Records below this offset may be deleted; the largest offset if that is unknown.
    pub before: Offset,
    /// Whether it was confirmed.
    pub done: bool,
}

/// What may have been deleted of one partition, and why.
#[derive(Clone, Debug, Default)]
pub struct Floor {
    /// Trims, in the order in which they ended.
    pub trims: Vec<Trim>,
    /// The retention of the topic.
    pub retention: Retention,
    /// When the deletion of the topic was first requested, unless it was rejected.
    pub deletion: Option<Duration>,
    /// The highest log start in any answer.
    pub reported_start: Offset,
}

impl Floor {
    /// The highest log start that trims requested until `at` allow; retention is left out of account.
    #[must_use]
    pub fn trimmed_by(&self, at: Duration) -> Offset {
        let requested = self.trims.iter().filter(|trim| trim.began <= at).map(|trim| trim.before);
        requested.max().unwrap_or_default()
    }

    /// A read that ended at `at` need not have found records below this offset.
    #[must_use]
    pub fn deletable_by(&self, at: Duration) -> Offset {
        let requested = self.trimmed_by(at);
        if self.retention == Retention::Forever { requested } else { requested.max(self.reported_start) }
    }

    /// Records below this offset need not be there at the end.
    #[must_use]
    pub fn at_end(&self) -> Offset {
        self.deletable_by(Duration::MAX)
    }

    /// Whether the topic may be deleted.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.deletion.is_some()
    }

    /// Whether a read that ended at `at` may have found the topic deleted.
    #[must_use]
    pub fn deleted_by(&self, at: Duration) -> bool {
        self.deletion.is_some_and(|began| began <= at)
    }

    pub(super) fn trim(
        &mut self,
        event: usize,
        (began, at): (Duration, Duration),
        requested: (Option<Offset>, Option<Offset>),
        outcome: Outcome,
    ) {
        let before = match (requested, outcome) {
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
