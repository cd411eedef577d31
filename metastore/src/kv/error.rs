//! Why a transaction fails, and which failures are retryable.

use thiserror::Error;

use super::limits::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX, WATCHES_MAX};

/// Why a transaction (or a watch) failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Something that this attempt read was written by a later commit. Not committed.
    #[error("transaction conflicts with another")]
    Conflict,
    /// The attempt is older than the time for which the engine can check its reads. Not committed.
    #[error("transaction is too old to read or commit")]
    TooOld,
    /// The attempt may or may not have been committed; it will not be committed later.
    #[error("transaction may or may not have been committed")]
    UnknownResult,
    /// The store did not answer in time, or asked to be retried later. Not committed.
    #[error("metastore is unavailable: {0}")]
    Unavailable(String),
    /// A key is longer than `KEY_BYTES_MAX`.
    #[error("key of {bytes} bytes is over the limit of {KEY_BYTES_MAX}")]
    KeyTooLarge {
        /// Size of the key in bytes.
        bytes: usize,
    },
    /// A value is longer than `VALUE_BYTES_MAX`.
    #[error("value of {bytes} bytes is over the limit of {VALUE_BYTES_MAX}")]
    ValueTooLarge {
        /// Size of the value in bytes.
        bytes: usize,
    },
    /// The reads and writes of the attempt add up to more than `TRANSACTION_BYTES_MAX`.
    #[error("transaction of {bytes} bytes is over the limit of {TRANSACTION_BYTES_MAX}")]
    TransactionTooLarge {
        /// Size of the transaction in bytes.
        bytes: usize,
    },
    /// A range read without a limit found more rows than one answer may hold: read it in pages.
    #[error("range holds more than {rows} rows or {bytes} bytes: read it in pages")]
    RangeTooLarge {
        /// The limit of rows.
        rows: usize,
        /// The limit of bytes.
        bytes: usize,
    },
    /// A key at or above `0xff`, which belongs to the engine.
    #[error("key is outside the legal range")]
    KeyOutsideLegalRange,
    /// A range whose end lies before its begin.
    #[error("range ends before it begins")]
    InvertedRange,
    /// A read of a range in which this attempt writes versionstamped keys, which are unknown before the commit.
    #[error("versionstamped key is unreadable before its commit")]
    Unreadable,
    /// The attempt was committed already; a new attempt is needed.
    #[error("transaction was used after its commit")]
    UsedAfterCommit,
    /// A write in a read-only transaction.
    #[error("write in a read-only transaction")]
    ReadOnly,
    /// The engine has [`WATCHES_MAX`] armed watches.
    #[error("more than {WATCHES_MAX} watches")]
    TooManyWatches,
    /// The transaction that made the watch was never committed.
    #[error("watch was never armed, for its transaction was not committed")]
    WatchNotArmed,
    /// A run ended without a result: it used up its attempts or its time, or it failed with a permanent error after an
    /// attempt whose result was unknown.
    #[error("transaction {transaction:?} gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// The name of the run.
        transaction: &'static str,
        /// Number of attempts made.
        attempts: u32,
        /// The error of the last attempt; [`Error::UnknownResult`] if any attempt's result was unknown.
        last: Box<Error>,
    },
    /// The versions of the store went back, as after a restore of FoundationDB into another cluster: what is written
    /// from now on would come before what was written already.
    #[error(
        "the metastore's versions went back: version {found} was written, but the store is at version {store}; it was \
         restored from a backup. Stop all nodes, advance the store with `advanceversion {}` in fdbcli, and start them \
         again", .found.saturating_add(1)
    )]
    VersionsWentBack {
        /// The version at which a row that was read says it was committed.
        found: u64,
        /// The version of the store.
        store: u64,
    },
    /// The disk or the store below failed. Not committed.
    #[error("metastore storage failed: {0}")]
    Storage(String),
    /// An object that the transaction names could not be written. Not committed.
    #[error("object {key} of the transaction could not be written")]
    ObjectNotWritten {
        /// Key of the object.
        key: String,
    },
    /// The engine was closed.
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
            | Self::VersionsWentBack { .. }
            | Self::Storage(_)
            | Self::ObjectNotWritten { .. }
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
