//! The engine of many processes: FoundationDB, by its own client library.
//!
//! ```text
//! attempt ── prefix + key ──▶ transaction of libfdb_c (reads its own writes, keeps conflict ranges)
//!    │ commit                       │ network thread, one per process
//!    ▼                              ▼
//! our errors ◀── error codes ── FoundationDB's cluster
//! ```
//!
//! Owns: the client library's start in this process, the prefix, the mapping of error codes, the time an attempt may take.
//! Does not own: retries (`Db`), what FoundationDB promises by itself. Invariants: no key outside the prefix is read or
//! written; an attempt whose result is reported as unknown is not committed later.

mod attempt;
mod client;
mod cluster_file;
mod engine;
mod fault;
mod keys;
mod open;

pub use client::stop;
pub use engine::FdbEngine;
pub use open::{FdbOptions, OpenError};
