//! The window: the last batches that one producer wrote to one partition.

use std::time::Duration;

use thiserror::Error;

use super::ProducerBatch;
use super::sequence::BEHIND_MAX;
use crate::{Offset, ProducerEpoch, Sequence, Timestamp, limits};

/// What one producer last wrote to one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The newest epoch of the producer.
    pub epoch: ProducerEpoch,
    /// The time of its last append, ms.
    pub touched: Timestamp,
    /// Number of records that it has appended in this epoch since it became known here. It distinguishes a batch that
    /// has left the window from one that was never appended (an unknown producer may begin at any sequence).
    pub appended: u64,
    /// Its last batches, oldest first: at least one, at most [`limits::PRODUCER_WINDOW_BATCHES`].
    pub batches: Vec<WindowBatch>,
}

/// A batch in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowBatch {
    /// Sequence of its first record.
    pub first: Sequence,
    /// Sequence of its last record.
    pub last: Sequence,
    /// Offset of its first record.
    pub base: Offset,
    /// Its largest record timestamp, ms.
    pub timestamp: Timestamp,
}

/// The result of checking a batch against its producer's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceCheck {
    /// It is the next batch: append it.
    Append,
    /// It is in the log already, and in the window.
    Duplicate {
        /// Offset of its first record.
        base: Offset,
        /// Its largest record timestamp, ms.
        timestamp: Timestamp,
    },
    /// It must not be appended.
    Reject(SequenceError),
}

/// Why a batch must not be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// Batches before it are missing, or a new epoch does not begin at 0.
    #[error("sequence {found} out of order: expected {expected}")]
    OutOfOrder {
        /// The sequence that the next batch must begin with.
        expected: Sequence,
        /// The sequence that it begins with.
        found: Sequence,
    },
    /// The producer is new, and this is not its first batch in the partition: that one was not appended yet. It may be
    /// in flight at another agent.
    #[error("sequence {found} of a new producer whose first batch is missing")]
    FirstMissing {
        /// The sequence that it begins with.
        found: Sequence,
    },
    /// It is in the log, but has left the window, so that its offset is not known.
    #[error("duplicate of a batch older than the window")]
    Duplicate,
    /// A newer epoch of the producer has written.
    #[error("fenced by epoch {current}")]
    Fenced {
        /// The newest epoch seen.
        current: ProducerEpoch,
    },
}

impl SequenceCheck {
    /// Checks `batch` of a producer that has no window in the partition, or whose window expired `expiry` after its
    /// last batch. If its id is younger than that, it has never written to the partition, so its first sequence is 0.
    /// Of an older one nothing is known, and it may begin at any sequence, as in Kafka. So may one that is older than
    /// the partition, which was `created` since: clients count on if a topic is deleted and created again.
    #[must_use]
    pub fn without_window(batch: &ProducerBatch, created: Timestamp, now: Timestamp, expiry: Duration) -> Self {
        let is_new = batch.id.is_fresh(now, expiry) && batch.id.is_allocated_since(created);
        if batch.first != Sequence(0) && is_new {
            Self::Reject(SequenceError::FirstMissing { found: batch.first })
        } else {
            Self::Append
        }
    }
}

impl Window {
    /// Checks `batch` against the batches before it.
    #[must_use]
    pub fn check(&self, batch: &ProducerBatch) -> SequenceCheck {
        if batch.epoch < self.epoch {
            return SequenceCheck::Reject(SequenceError::Fenced { current: self.epoch });
        }
        if batch.epoch > self.epoch {
            let expected = Sequence(0);
            return if batch.first == expected {
                SequenceCheck::Append
            } else {
                SequenceCheck::Reject(SequenceError::OutOfOrder { expected, found: batch.first })
            };
        }
        if let Some(known) = self.batches.iter().find(|known| (known.first, known.last) == (batch.first, batch.last)) {
            return SequenceCheck::Duplicate { base: known.base, timestamp: known.timestamp };
        }
        let Some(expected) = self.batches.last().map(|newest| newest.last.successor()) else {
            return SequenceCheck::Append;
        };
        if batch.first == expected {
            return SequenceCheck::Append;
        }
        // "Duplicate" tells a client that its records are safe: so only if every one of them was certainly appended.
        let behind = expected.steps_since(batch.first);
        if behind <= BEHIND_MAX.min(self.appended) && batch.span() <= behind {
            SequenceCheck::Reject(SequenceError::Duplicate)
        } else {
            SequenceCheck::Reject(SequenceError::OutOfOrder { expected, found: batch.first })
        }
    }

    /// The window after `batch`, for which [`Self::check`] returned `Append`, was appended at `base`.
    #[must_use]
    pub fn appended(
        window: Option<Self>,
        batch: &ProducerBatch,
        records: u32,
        base: Offset,
        timestamp: Timestamp,
        now: Timestamp,
    ) -> Self {
        let same_epoch = window.filter(|window| window.epoch == batch.epoch);
        let (appended, mut batches) = same_epoch.map_or((0, Vec::new()), |window| (window.appended, window.batches));
        let excess = (batches.len() + 1).saturating_sub(limits::PRODUCER_WINDOW_BATCHES);
        batches.drain(..excess);
        batches.push(WindowBatch { first: batch.first, last: batch.last, base, timestamp });
        Self { epoch: batch.epoch, touched: now, appended: appended.saturating_add(records.into()), batches }
    }

    /// Whether the producer has been idle for longer than `expiry`: it is then treated as unknown.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp, expiry: Duration) -> bool {
        now > self.touched.plus(expiry)
    }
}
