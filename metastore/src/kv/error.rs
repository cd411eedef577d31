//! What can go wrong with a transaction, and which of it is worth another attempt.

use thiserror::Error;

use super::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX, WATCHES_MAX};

/// Why a transaction (or a watch) failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Something that this attempt read was written by a commit in between. Not committed.
    #[error("transaction conflicts with another")]
    Conflict,
    /// The attempt outlived the time for which the engine remembers what it read. Not committed.
    #[error("transaction is too old to read or commit")]
    TooOld,
    /// The attempt may or may not have been committed; it will not become so later.
    #[error("transaction may or may not have been committed")]
    UnknownResult,
    /// The store does not answer in time, or asks to be left alone for a while. Not committed.
    #[error("metastore is unavailable: {0}")]
    Unavailable(String),
    /// A key beyond the limit.
    #[error("key of {bytes} bytes is over the limit of {KEY_BYTES_MAX}")]
    KeyTooLarge { bytes: usize },
    /// A value beyond the limit.
    #[error("value of {bytes} bytes is over the limit of {VALUE_BYTES_MAX}")]
    ValueTooLarge { bytes: usize },
    /// What the attempt reads and writes adds up to more than a transaction may have.
    #[error("transaction of {bytes} bytes is over the limit of {TRANSACTION_BYTES_MAX}")]
    TransactionTooLarge { bytes: usize },
    /// A range read without a limit met more rows than one answer may hold: page it.
    #[error("range holds more than {rows} rows or {bytes} bytes: read it in pages")]
    RangeTooLarge { rows: usize, bytes: usize },
    /// A key at or above `0xff`, which belongs to the engine.
    #[error("key is outside the legal range")]
    KeyOutsideLegalRange,
    /// A range whose end lies before its beginning.
    #[error("range ends before it begins")]
    InvertedRange,
    /// A read of where this attempt writes versionstamped keys, which nobody knows before the commit.
    #[error("versionstamped key is unreadable before its commit")]
    Unreadable,
    /// The attempt was committed already; a new attempt is needed.
    #[error("transaction was used after its commit")]
    UsedAfterCommit,
    /// A write in a read-only transaction.
    #[error("write in a read-only transaction")]
    ReadOnly,
    /// The engine holds as many watches as it may.
    #[error("more than {WATCHES_MAX} watches")]
    TooManyWatches,
    /// The transaction that made the watch was never committed.
    #[error("watch was never armed, for its transaction was not committed")]
    WatchNotArmed,
    /// A run ended without an answer: its attempts or its time were used up, or it failed for good after an attempt whose
    /// result was unknown. Where any attempt's was, `last` is [`Error::UnknownResult`].
    #[error("transaction {transaction:?} gave up after {attempts} attempts: {last}")]
    GaveUp { transaction: &'static str, attempts: u32, last: Box<Error> },
    /// The disk or the store below failed. Not committed.
    #[error("metastore storage failed: {0}")]
    Storage(String),
    /// The engine is closed.
    #[error("metastore is closed")]
    Closed,
}

impl Error {
    /// Whether another attempt of the same transaction may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict | Self::TooOld | Self::UnknownResult | Self::Unavailable(_) => true,
            Self::KeyTooLarge { .. }
            | Self::ValueTooLarge { .. }
            | Self::TransactionTooLarge { .. }
            | Self::RangeTooLarge { .. }
            | Self::KeyOutsideLegalRange
            | Self::InvertedRange
            | Self::Unreadable
            | Self::UsedAfterCommit
            | Self::ReadOnly
            | Self::TooManyWatches
            | Self::WatchNotArmed
            | Self::GaveUp { .. }
            | Self::Storage(_)
            | Self::Closed => false,
        }
    }

    /// Whether the transaction may have been committed in spite of the error.
    #[must_use]
    pub fn is_maybe_committed(&self) -> bool {
        match self {
            Self::UnknownResult => true,
            Self::GaveUp { last, .. } => last.is_maybe_committed(),
            _ => false,
        }
    }
}
