//! The functions of FoundationDB's client library that the `foundationdb` crate needs, resolved at run time.
//!
//! The published crate of this name generates its declarations with libclang and links libfdb_c, so every user of the
//! binary would need both. This crate replaces it (`[patch.crates-io]` in the root manifest): it declares the same
//! names by hand, and looks them up in libfdb_c once [`load`] is called. So one binary runs with and without
//! FoundationDB.
//!
//! Owns: all unsafe code of this repository; the C names, types and numbers of API version 730; finding the library;
//! the library's network thread. Does not own: what transactions do (the `foundationdb` crate, `metastore/src/kv`).
//! Invariants: a function is called only after all of them were found; the library is never unloaded; the network
//! thread has ended before the process is torn down.

mod functions;
mod load;
pub mod network;
mod options;
mod types;
mod versions;

pub use functions::*;
pub use load::{LoadError, load, loaded};
pub use options::*;
pub use types::*;

/// The API version that is selected. Client libraries of FoundationDB 7.3 and newer support it.
pub const FDB_API_VERSION: u32 = 730;
