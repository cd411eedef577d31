//! Sequence numbers: 31 bits that wrap from `i32::MAX` to 0.

use crate::{ProducerEpoch, ProducerId, Sequence};

/// Sequence numbers there are.
const SPACE: i64 = 1 << 31;

/// A number up to so many steps back is behind another; else it is ahead. Half of them: no producer has that many records
/// in flight.
pub(super) const BEHIND_MAX: u64 = 1 << 30;

/// Who sent a batch, and which of its records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBatch {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Sequence of the first record.
    pub first: Sequence,
    /// Sequence of the last record (lower than `first` where the numbers wrap within the batch).
    pub last: Sequence,
}

impl Sequence {
    /// The one after it.
    #[must_use]
    pub fn successor(self) -> Self {
        if self.0 == i32::MAX { Self(0) } else { Self(self.0 + 1) }
    }

    /// Whether it comes before `other`: the numbers wrap, so that is less than half of them away.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        (1..=BEHIND_MAX).contains(&other.steps_since(self))
    }

    /// Steps from `earlier` forward to `self`, around the wrap: 0 to `i32::MAX`.
    #[must_use]
    pub(super) fn steps_since(self, earlier: Self) -> u64 {
        (i64::from(self.0) - i64::from(earlier.0)).rem_euclid(SPACE).unsigned_abs()
    }
}

impl ProducerBatch {
    /// Records that the sequence numbers span.
    pub(super) fn span(&self) -> u64 {
        self.last.steps_since(self.first) + 1
    }
}
