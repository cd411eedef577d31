//! The engine for many processes: FoundationDB, through its own client library.
//!
//! ```text
//! attempt ── prefix + key ──▶ transaction of libfdb_c (reads its own writes, keeps conflict ranges)
//!    │ commit                       │ network thread, one per process
//!    ▼                              ▼
//! kv::Error  ◀── error codes ── FoundationDB's cluster
//! ```
//!
//! Owns: starting the client library in this process, the key prefix, the mapping of error codes, the timeouts of an
//! attempt. Does not own: retries (`Db`), what FoundationDB guarantees by itself. Invariants: no key outside the prefix
//! is read or written; an attempt whose result is reported as unknown is not committed later.

mod attempt;
mod client;
mod cluster_file;
mod database;
mod engine;
mod error_codes;
mod key_prefix;
mod open;
mod open_error;

pub use client::stop;
pub use engine::FdbEngine;
pub use open::FdbOptions;
pub use open_error::FdbOpenError;
