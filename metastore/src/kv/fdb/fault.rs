//! FoundationDB's error codes, in our words.

use foundationdb::FdbError;

use crate::kv::{
    Error,
    limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX},
};

/// FoundationDB's numbers of the errors that have a meaning of their own here.
mod code {
    pub const TRANSACTION_TOO_OLD: i32 = 1007;
    pub const NOT_COMMITTED: i32 = 1020;
    pub const TRANSACTION_CANCELLED: i32 = 1025;
    pub const TRANSACTION_TIMED_OUT: i32 = 1031;
    pub const TOO_MANY_WATCHES: i32 = 1032;
    pub const ACCESSED_UNREADABLE: i32 = 1036;
    pub const OPERATION_CANCELLED: i32 = 1101;
    pub const TRANSACTION_TOO_LARGE: i32 = 2101;
    pub const KEY_TOO_LARGE: i32 = 2102;
    pub const VALUE_TOO_LARGE: i32 = 2103;
}

/// Why a read (or anything else before the commit) failed.
pub(super) fn of_read(error: FdbError) -> Error {
    match error.code() {
        code::TRANSACTION_TIMED_OUT => Error::Unavailable("FoundationDB does not answer".to_owned()),
        code::TRANSACTION_TOO_OLD => Error::TooOld,
        code::ACCESSED_UNREADABLE => Error::Unreadable,
        _ if error.is_retryable() => Error::Unavailable(shown(error)),
        _ => Error::Storage(shown(error)),
    }
}

/// Why a commit of `bytes` bytes failed.
pub(super) fn of_commit(error: FdbError, bytes: usize) -> Error {
    match error.code() {
        code::NOT_COMMITTED => Error::Conflict,
        // It may be under way in FoundationDB, or stuck before it.
        code::TRANSACTION_TIMED_OUT | code::OPERATION_CANCELLED => Error::UnknownResult,
        code::TRANSACTION_TOO_LARGE => Error::TransactionTooLarge { bytes },
        code::KEY_TOO_LARGE => Error::KeyTooLarge { bytes: KEY_BYTES_MAX + 1 },
        code::VALUE_TOO_LARGE => Error::ValueTooLarge { bytes: VALUE_BYTES_MAX + 1 },
        _ if error.is_maybe_committed() => Error::UnknownResult,
        _ => of_read(error),
    }
}

/// Why a watch ended without a change.
pub(super) fn of_watch(error: FdbError) -> Error {
    match error.code() {
        code::TRANSACTION_CANCELLED | code::OPERATION_CANCELLED => Error::WatchNotArmed,
        code::TOO_MANY_WATCHES => Error::TooManyWatches,
        // The transaction's result is told by its commit; whoever waits must look for himself.
        _ if error.is_maybe_committed() => Error::Unavailable(shown(error)),
        _ => of_read(error),
    }
}

fn shown(error: FdbError) -> String {
    format!("FoundationDB: {} ({})", error.message(), error.code())
}
