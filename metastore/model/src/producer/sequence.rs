//! Sequence numbers: 31 bits that wrap from `i32::MAX` to 0. All arithmetic on them is here.

use crate::{ProducerEpoch, ProducerId, Sequence};

/// How many sequence numbers there are.
const SPACE: i64 = 1 << 31;

/// A number that is up to this many steps back is behind another; otherwise it is ahead. Half of all numbers: no
/// producer has that many records in flight.
pub(super) const BEHIND_MAX: u64 = 1 << 30;

/// The producer of a batch, and the sequence numbers of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBatch {
    /// The producer id.
    pub id: ProducerId,
    /// The epoch of the producer.
    pub epoch: ProducerEpoch,
    /// Sequence of the first record.
    pub first: Sequence,
    /// Sequence of the last record (lower than `first` if the numbers wrap within the batch).
    pub last: Sequence,
}

impl Sequence {
    /// The sequence of the next record.
    #[must_use]
    pub fn successor(self) -> Self {
        self.plus(1)
    }

    /// The sequence of the record `records` (0 or more) after this one, around the wrap.
    #[must_use]
    pub fn plus(self, records: i32) -> Self {
        Self(self.0.checked_add(records).unwrap_or(self.0.wrapping_add(records) & i32::MAX))
    }

    /// Whether it comes before `other`. The numbers wrap, so it does if `other` is less than half of them ahead.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        (1..=BEHIND_MAX).contains(&other.steps_since(self))
    }

    /// Number of steps from `earlier` forward to `self`, around the wrap: 0 to `i32::MAX`.
    #[must_use]
    pub(super) fn steps_since(self, earlier: Self) -> u64 {
        (i64::from(self.0) - i64::from(earlier.0)).rem_euclid(SPACE).unsigned_abs()
    }
}

impl ProducerBatch {
    /// Number of records that the sequence numbers span.
    pub(super) fn span(&self) -> u64 {
        self.last.steps_since(self.first) + 1
    }
}
