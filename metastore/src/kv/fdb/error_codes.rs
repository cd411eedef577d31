//! Maps FoundationDB's error codes to [`Error`].

use foundationdb::FdbError;

use crate::kv::{
    Error,
    limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX},
};

/// The error codes that are mapped one by one.
mod code {
    /// The read version is older than the storage servers keep (5 s).
    pub const TRANSACTION_TOO_OLD: i32 = 1007;
    /// A conflict with another transaction.
    pub const NOT_COMMITTED: i32 = 1020;
    /// The transaction was cancelled, and its watches with it.
    pub const TRANSACTION_CANCELLED: i32 = 1025;
    /// The transaction's `timeout` option has passed.
    pub const TRANSACTION_TIMED_OUT: i32 = 1031;
    /// The client has as many watches as it may have.
    pub const TOO_MANY_WATCHES: i32 = 1032;
    /// A read of a key that the transaction has written with a versionstamp.
    pub const ACCESSED_UNREADABLE: i32 = 1036;
    /// The future was cancelled.
    pub const OPERATION_CANCELLED: i32 = 1101;
    /// The transaction exceeds its size limit.
    pub const TRANSACTION_TOO_LARGE: i32 = 2101;
    /// A key exceeds its size limit.
    pub const KEY_TOO_LARGE: i32 = 2102;
    /// A value exceeds its size limit.
    pub const VALUE_TOO_LARGE: i32 = 2103;
}

/// The error of a read, or of anything else before the commit.
pub(super) fn read_error(error: FdbError) -> Error {
    match error.code() {
        code::TRANSACTION_TIMED_OUT => Error::Unavailable("FoundationDB does not answer".to_owned()),
        code::TRANSACTION_TOO_OLD => Error::TooOld,
        code::ACCESSED_UNREADABLE => Error::Unreadable,
        _ if error.is_retryable() => Error::Unavailable(message(error)),
        _ => Error::Storage(message(error)),
    }
}

/// The error of a commit of `bytes` bytes.
pub(super) fn commit_error(error: FdbError, bytes: usize) -> Error {
    match error.code() {
        code::NOT_COMMITTED => Error::Conflict,
        // The commit may or may not have reached FoundationDB.
        code::TRANSACTION_TIMED_OUT | code::OPERATION_CANCELLED => Error::UnknownResult,
        code::TRANSACTION_TOO_LARGE => Error::TransactionTooLarge { bytes },
        code::KEY_TOO_LARGE => Error::KeyTooLarge { bytes: KEY_BYTES_MAX + 1 },
        code::VALUE_TOO_LARGE => Error::ValueTooLarge { bytes: VALUE_BYTES_MAX + 1 },
        _ if error.is_maybe_committed() => Error::UnknownResult,
        _ => read_error(error),
    }
}

/// The error of a watch that ended without a change.
pub(super) fn watch_error(error: FdbError) -> Error {
    match error.code() {
        code::TRANSACTION_CANCELLED | code::OPERATION_CANCELLED => Error::WatchNotArmed,
        code::TOO_MANY_WATCHES => Error::TooManyWatches,
        // The transaction's own commit reports its result; the watch's owner must read the value again.
        _ if error.is_maybe_committed() => Error::Unavailable(message(error)),
        _ => read_error(error),
    }
}

fn message(error: FdbError) -> String {
    format!("FoundationDB: {} ({})", error.message(), error.code())
}
