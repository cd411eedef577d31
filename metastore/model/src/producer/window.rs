//! The window of one producer in one partition.

use std::time::Duration;

use thiserror::Error;

use super::ProducerBatch;
use super::sequence::BEHIND_MAX;
use crate::{Offset, ProducerEpoch, Sequence, Timestamp, limits};

/// What one producer last wrote to one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its newest incarnation.
    pub epoch: ProducerEpoch,
    /// When it last wrote.
    pub touched: Timestamp,
    /// Records that it wrote in this epoch since it became known here: tells a batch that left the window from one that
    /// never came (a producer may begin at any sequence where it is unknown).
    pub appended: u64,
    /// Its last batches, oldest first: one at least, [`limits::PRODUCER_WINDOW_BATCHES`] at most.
    pub batches: Vec<WindowBatch>,
}

/// One batch of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowBatch {
    /// Sequence of its first record.
    pub first: Sequence,
    /// Sequence of its last record.
    pub last: Sequence,
    /// Offset of its first record.
    pub base: Offset,
    /// Its largest record timestamp.
    pub timestamp: Timestamp,
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Append,
    /// It is in the log already.
    Duplicate {
        /// Where.
        base: Offset,
        /// With which timestamp.
        timestamp: Timestamp,
    },
    /// It must not join the log.
    Refuse(SequenceError),
}

/// Why a batch must not join the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// Batches before it are missing.
    #[error("sequence {found} out of order: expected {expected}")]
    OutOfOrder {
        /// What the next batch must begin with.
        expected: Sequence,
        /// What it begins with.
        found: Sequence,
    },
    /// It is in the log, and has left the window.
    #[error("duplicate of a batch older than the window")]
    Duplicate,
    /// A newer incarnation has written.
    #[error("fenced by epoch {current}")]
    Fenced {
        /// The newest epoch seen.
        current: ProducerEpoch,
    },
}

impl Window {
    /// Judges `batch` against what its producer wrote before. (An unknown producer may begin anywhere.)
    #[must_use]
    pub fn judge(&self, batch: &ProducerBatch) -> Verdict {
        if batch.epoch < self.epoch {
            return Verdict::Refuse(SequenceError::Fenced { current: self.epoch });
        }
        if batch.epoch > self.epoch {
            let expected = Sequence(0);
            return if batch.first == expected {
                Verdict::Append
            } else {
                Verdict::Refuse(SequenceError::OutOfOrder { expected, found: batch.first })
            };
        }
        if let Some(known) = self.batches.iter().find(|known| (known.first, known.last) == (batch.first, batch.last)) {
            return Verdict::Duplicate { base: known.base, timestamp: known.timestamp };
        }
        let Some(expected) = self.batches.last().map(|newest| newest.last.successor()) else { return Verdict::Append };
        if batch.first == expected {
            return Verdict::Append;
        }
        // "Duplicate" tells a client that its records are safe: only where every one of them was appended for certain.
        let behind = expected.steps_since(batch.first);
        if behind <= BEHIND_MAX.min(self.appended) && batch.span() <= behind {
            Verdict::Refuse(SequenceError::Duplicate)
        } else {
            Verdict::Refuse(SequenceError::OutOfOrder { expected, found: batch.first })
        }
    }

    /// The window after `batch`, which [`Self::judge`] let pass, was appended at `base`.
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

    /// Whether its producer has been idle for longer than `expiry`: it counts as unknown.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp, expiry: Duration) -> bool {
        now > self.touched.plus(expiry)
    }
}
