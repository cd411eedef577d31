//! The library's functions: one table that declares them, looks them up and calls them.

#![expect(clippy::too_many_arguments, reason = "the library's functions have that many")]

use std::{
    ffi::{c_char, c_int, c_void},
    sync::OnceLock,
};

use libloading::Library;

use crate::{
    options::{
        FDBConflictRangeType, FDBDatabaseOption, FDBMutationType, FDBNetworkOption, FDBStreamingMode,
        FDBTransactionOption,
    },
    types::{
        FDBCallback, FDBDatabase, FDBFuture, FDBKey, FDBKeyValue, FDBMappedKeyValue, FDBTransaction, fdb_bool_t,
        fdb_error_t,
    },
};

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $answer:ty)?;)*) => {
        /// The address of each function.
        pub(crate) struct Functions {
            $($name: unsafe extern "C" fn($($type),*) $(-> $answer)?,)*
        }

        impl Functions {
            /// Looks all of them up in `library`; the error is the name of the first that is missing.
            pub fn find(library: &Library) -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        // SAFETY: the type is that of the library's function of this name in API version 730, and the
                        // caller keeps the library loaded for ever.
                        let found = unsafe {
                            library.get::<unsafe extern "C" fn($($type),*) $(-> $answer)?>(stringify!($name))
                        };
                        *found.map_err(|_| stringify!($name))?
                    },)*
                })
            }
        }

        $(
            #[doc = concat!("`", stringify!($name), "` of the loaded library.")]
            ///
            /// # Safety
            /// As the function's documentation in `fdb_c.h` requires: valid handles, and pointers to as many bytes as
            /// stated.
            ///
            /// # Panics
            /// If the library was not loaded.
            pub unsafe fn $name($($argument: $type),*) $(-> $answer)? {
                let function = loaded_functions().$name;
                // SAFETY: promised by the caller.
                unsafe { function($($argument),*) }
            }
        )*
    };
}

static LOADED: OnceLock<Functions> = OnceLock::new();

/// Makes `functions` the ones that are called; only the first call counts.
pub(crate) fn install(functions: Functions) {
    LOADED.get_or_init(|| functions);
}

fn loaded_functions() -> &'static Functions {
    LOADED.get().expect("the library is loaded before any of its functions is called")
}

functions! {
    fn fdb_get_error(code: fdb_error_t) -> *const c_char;
    fn fdb_error_predicate(predicate: c_int, code: fdb_error_t) -> fdb_bool_t;
    fn fdb_get_max_api_version() -> c_int;
    fn fdb_get_client_version() -> *const c_char;
    fn fdb_select_api_version_impl(runtime_version: c_int, header_version: c_int) -> fdb_error_t;

    fn fdb_network_set_option(option: FDBNetworkOption, value: *const u8, length: c_int) -> fdb_error_t;
    fn fdb_setup_network() -> fdb_error_t;
    fn fdb_run_network() -> fdb_error_t;
    fn fdb_stop_network() -> fdb_error_t;

    fn fdb_future_destroy(future: *mut FDBFuture);
    fn fdb_future_is_ready(future: *mut FDBFuture) -> fdb_bool_t;
    fn fdb_future_set_callback(future: *mut FDBFuture, callback: FDBCallback, parameter: *mut c_void) -> fdb_error_t;
    fn fdb_future_get_error(future: *mut FDBFuture) -> fdb_error_t;
    fn fdb_future_get_int64(future: *mut FDBFuture, number: *mut i64) -> fdb_error_t;
    fn fdb_future_get_key(future: *mut FDBFuture, key: *mut *const u8, length: *mut c_int) -> fdb_error_t;
    fn fdb_future_get_value(
        future: *mut FDBFuture,
        present: *mut fdb_bool_t,
        value: *mut *const u8,
        length: *mut c_int,
    ) -> fdb_error_t;
    fn fdb_future_get_key_array(
        future: *mut FDBFuture,
        keys: *mut *const FDBKey,
        count: *mut c_int,
    ) -> fdb_error_t;
    fn fdb_future_get_keyvalue_array(
        future: *mut FDBFuture,
        rows: *mut *const FDBKeyValue,
        count: *mut c_int,
        more: *mut fdb_bool_t,
    ) -> fdb_error_t;
    fn fdb_future_get_mappedkeyvalue_array(
        future: *mut FDBFuture,
        rows: *mut *const FDBMappedKeyValue,
        count: *mut c_int,
        more: *mut fdb_bool_t,
    ) -> fdb_error_t;
    fn fdb_future_get_string_array(
        future: *mut FDBFuture,
        strings: *mut *mut *const c_char,
        count: *mut c_int,
    ) -> fdb_error_t;

    fn fdb_create_database(cluster_file: *const c_char, database: *mut *mut FDBDatabase) -> fdb_error_t;
    fn fdb_database_destroy(database: *mut FDBDatabase);
    fn fdb_database_set_option(
        database: *mut FDBDatabase,
        option: FDBDatabaseOption,
        value: *const u8,
        length: c_int,
    ) -> fdb_error_t;
    fn fdb_database_create_transaction(
        database: *mut FDBDatabase,
        transaction: *mut *mut FDBTransaction,
    ) -> fdb_error_t;
    fn fdb_database_get_client_status(database: *mut FDBDatabase) -> *mut FDBFuture;
    fn fdb_database_get_main_thread_busyness(database: *mut FDBDatabase) -> f64;

    fn fdb_transaction_destroy(transaction: *mut FDBTransaction);
    fn fdb_transaction_cancel(transaction: *mut FDBTransaction);
    fn fdb_transaction_reset(transaction: *mut FDBTransaction);
    fn fdb_transaction_set_option(
        transaction: *mut FDBTransaction,
        option: FDBTransactionOption,
        value: *const u8,
        length: c_int,
    ) -> fdb_error_t;
    fn fdb_transaction_set_read_version(transaction: *mut FDBTransaction, version: i64);
    fn fdb_transaction_get_read_version(transaction: *mut FDBTransaction) -> *mut FDBFuture;
    fn fdb_transaction_get(
        transaction: *mut FDBTransaction,
        key: *const u8,
        key_length: c_int,
        snapshot: fdb_bool_t,
    ) -> *mut FDBFuture;
    fn fdb_transaction_get_key(
        transaction: *mut FDBTransaction,
        key: *const u8,
        key_length: c_int,
        or_equal: fdb_bool_t,
        offset: c_int,
        snapshot: fdb_bool_t,
    ) -> *mut FDBFuture;
    fn fdb_transaction_get_addresses_for_key(
        transaction: *mut FDBTransaction,
        key: *const u8,
        key_length: c_int,
    ) -> *mut FDBFuture;
    fn fdb_transaction_get_range(
        transaction: *mut FDBTransaction,
        begin: *const u8,
        begin_length: c_int,
        begin_or_equal: fdb_bool_t,
        begin_offset: c_int,
        end: *const u8,
        end_length: c_int,
        end_or_equal: fdb_bool_t,
        end_offset: c_int,
        limit: c_int,
        target_bytes: c_int,
        mode: FDBStreamingMode,
        iteration: c_int,
        snapshot: fdb_bool_t,
        reverse: fdb_bool_t,
    ) -> *mut FDBFuture;
    fn fdb_transaction_get_mapped_range(
        transaction: *mut FDBTransaction,
        begin: *const u8,
        begin_length: c_int,
        begin_or_equal: fdb_bool_t,
        begin_offset: c_int,
        end: *const u8,
        end_length: c_int,
        end_or_equal: fdb_bool_t,
        end_offset: c_int,
        mapper: *const u8,
        mapper_length: c_int,
        limit: c_int,
        target_bytes: c_int,
        mode: FDBStreamingMode,
        iteration: c_int,
        snapshot: fdb_bool_t,
        reverse: fdb_bool_t,
    ) -> *mut FDBFuture;
    fn fdb_transaction_get_estimated_range_size_bytes(
        transaction: *mut FDBTransaction,
        begin: *const u8,
        begin_length: c_int,
        end: *const u8,
        end_length: c_int,
    ) -> *mut FDBFuture;
    fn fdb_transaction_get_range_split_points(
        transaction: *mut FDBTransaction,
        begin: *const u8,
        begin_length: c_int,
        end: *const u8,
        end_length: c_int,
        chunk_bytes: i64,
    ) -> *mut FDBFuture;
    fn fdb_transaction_set(
        transaction: *mut FDBTransaction,
        key: *const u8,
        key_length: c_int,
        value: *const u8,
        value_length: c_int,
    );
    fn fdb_transaction_clear(transaction: *mut FDBTransaction, key: *const u8, key_length: c_int);
    fn fdb_transaction_clear_range(
        transaction: *mut FDBTransaction,
        begin: *const u8,
        begin_length: c_int,
        end: *const u8,
        end_length: c_int,
    );
    fn fdb_transaction_atomic_op(
        transaction: *mut FDBTransaction,
        key: *const u8,
        key_length: c_int,
        parameter: *const u8,
        parameter_length: c_int,
        operation: FDBMutationType,
    );
    fn fdb_transaction_add_conflict_range(
        transaction: *mut FDBTransaction,
        begin: *const u8,
        begin_length: c_int,
        end: *const u8,
        end_length: c_int,
        kind: FDBConflictRangeType,
    ) -> fdb_error_t;
    fn fdb_transaction_watch(
        transaction: *mut FDBTransaction,
        key: *const u8,
        key_length: c_int,
    ) -> *mut FDBFuture;
    fn fdb_transaction_commit(transaction: *mut FDBTransaction) -> *mut FDBFuture;
    fn fdb_transaction_on_error(transaction: *mut FDBTransaction, code: fdb_error_t) -> *mut FDBFuture;
    fn fdb_transaction_get_committed_version(transaction: *mut FDBTransaction, version: *mut i64) -> fdb_error_t;
    fn fdb_transaction_get_approximate_size(transaction: *mut FDBTransaction) -> *mut FDBFuture;
    fn fdb_transaction_get_versionstamp(transaction: *mut FDBTransaction) -> *mut FDBFuture;
}
