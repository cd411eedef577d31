//! The library's types: handles, and rows as they lie in the library's memory.
//!
//! Rows are packed to four bytes, so a pointer in them may lie at any multiple of four bytes:
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
    /// A result that becomes ready later.
    FDBFuture,
    /// A connection to a cluster.
    FDBDatabase,
    /// One transaction.
    FDBTransaction,
}

/// Called once a future is ready: on the network thread, or at once on the caller's.
pub type FDBCallback = Option<unsafe extern "C" fn(future: *mut FDBFuture, parameter: *mut c_void)>;

/// A key in a future's memory; valid until the future is destroyed.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct FDBKey {
    /// First byte of the key.
    pub key: *const u8,
    /// Bytes of the key.
    pub key_length: c_int,
}

/// A row in a future's memory; valid until the future is destroyed.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub struct FDBKeyValue {
    /// First byte of the key.
    pub key: *const u8,
    /// Bytes of the key.
    pub key_length: c_int,
    /// First byte of the value.
    pub value: *const u8,
    /// Bytes of the value.
    pub value_length: c_int,
}

/// One end of a mapped range.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FDBKeySelector {
    /// The key that the selector starts from.
    pub key: FDBKey,
    /// Whether the key itself may be selected.
    pub orEqual: fdb_bool_t,
    /// Number of keys that the selection is moved by.
    pub offset: c_int,
}

/// A mapped range and its rows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FDBGetRangeReqAndResult {
    /// Begin of the range, inclusive.
    pub begin: FDBKeySelector,
    /// End of the range, exclusive.
    pub end: FDBKeySelector,
    /// First row of the range.
    pub data: *mut FDBKeyValue,
    /// Number of rows.
    pub m_size: c_int,
    /// Number of rows that there is memory for.
    pub m_capacity: c_int,
}

/// A row of an index with the range of rows that it refers to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FDBMappedKeyValue {
    /// The index row's key.
    pub key: FDBKey,
    /// The index row's value.
    pub value: FDBKey,
    /// The range of rows that it refers to.
    pub getRange: FDBGetRangeReqAndResult,
    /// Reserved by the library.
    pub buffer: [u8; 32],
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<FDBKey>() == 12 && align_of::<FDBKey>() == 4);
    assert!(size_of::<FDBKeyValue>() == 24 && align_of::<FDBKeyValue>() == 4);
    assert!(size_of::<FDBKeySelector>() == 20);
    assert!(size_of::<FDBMappedKeyValue>() == 112);
};
