//! The library's types: handles, and the rows of an answer as they lie in its memory.
//!
//! Rows are packed to four bytes, so a pointer in them may lie at any multiple of four:
//! ```text
//! key        | pointer (8) | length (4) |                                            12 bytes
//! key-value  | pointer (8) | length (4) | pointer (8) | length (4) |                 24 bytes
//! ```

#![expect(non_camel_case_types, non_snake_case, reason = "the names are the library's")]

use std::ffi::{c_int, c_void};

/// 0 for success, else one of the library's error codes.
pub type fdb_error_t = c_int;
/// 0 or 1.
pub type fdb_bool_t = c_int;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            pub struct $name {
                _opaque: [u8; 0],
            }
        )*
    };
}

handles! {
    /// An answer to come.
    FDBFuture,
    /// A cluster that is talked to.
    FDBDatabase,
    /// One transaction.
    FDBTransaction,
}

/// What is called once a future is ready; on the network's thread, or at once.
pub type FDBCallback = Option<unsafe extern "C" fn(future: *mut FDBFuture, parameter: *mut c_void)>;

/// Bytes that belong to a future.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct FDBKey {
    pub key: *const u8,
    pub key_length: c_int,
}

/// A row that belongs to a future.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct FDBKeyValue {
    pub key: *const u8,
    pub key_length: c_int,
    pub value: *const u8,
    pub value_length: c_int,
}

/// One end of a mapped range.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FDBKeySelector {
    pub key: FDBKey,
    pub orEqual: fdb_bool_t,
    pub offset: c_int,
}

/// A mapped range and its rows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FDBGetRangeReqAndResult {
    pub begin: FDBKeySelector,
    pub end: FDBKeySelector,
    pub data: *mut FDBKeyValue,
    pub m_size: c_int,
    pub m_capacity: c_int,
}

/// A row of an index with the rows that it leads to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FDBMappedKeyValue {
    pub key: FDBKey,
    pub value: FDBKey,
    pub getRange: FDBGetRangeReqAndResult,
    pub buffer: [u8; 32],
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<FDBKey>() == 12 && align_of::<FDBKey>() == 4);
    assert!(size_of::<FDBKeyValue>() == 24 && align_of::<FDBKeyValue>() == 4);
    assert!(size_of::<FDBKeySelector>() == 20);
    assert!(size_of::<FDBMappedKeyValue>() == 112);
};
