//! What the `foundationdb` crate needs of FoundationDB's client library, resolved at run time.
//!
//! The published crate of this name generates its declarations with libclang and links libfdb_c, so every user of the
//! binary would need both. This one stands in its place (`[patch.crates-io]` in the root manifest): it declares the same
//! names by hand, and looks them up in libfdb_c once [`load`] is called. So one binary runs with and without FoundationDB.
//!
//! Owns: all unsafe code of this repository; the C names, types and numbers of API version 730; finding the library; the
//! library's network thread. Does not own: anything that a transaction means (the `foundationdb` crate, `metastore/src/kv`).
//! Invariants: a function is called only after all of them were found; the library is never unloaded; the network thread
//! has ended before the process tears itself down.

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

/// The API version whose behaviour is asked for. Clients of FoundationDB 7.3 and newer know it.
pub const FDB_API_VERSION: u32 = 730;
