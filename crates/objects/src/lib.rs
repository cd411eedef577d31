//! Object storage: one small interface over a bucket, a directory or memory.
//!
//! Owns: keys under a prefix, retries within a deadline (`retry.rs`), bounded concurrency, hedged and coalesced reads,
//! the classification of errors (`error.rs`: which are transient, which concern the whole store), usage counters, the
//! store's health (`health.rs`), the check at start-up, stores of this machine, injected faults. Does not own: what
//! objects contain, caching, which keys exist, how a bucket is opened (`alluvium-s3`). Invariants: a `put` that returned
//! is durable (a directory is fsynced); a read gives exactly the bytes requested or an error; every loop, wait and
//! allocation has a limit in [`ObjectsConfig`].

mod coalesce;
mod config;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod delete;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod faults;
mod health;
mod listing;
mod local_directory;
mod local_store;
mod objects;
mod open;
mod payload;
mod read;
mod retry;
mod suspension;
mod unfinished_uploads;
mod usage;
mod walk;

pub use config::{ObjectsConfig, RetryPolicy};
pub use error::{Error, ErrorKind, Operation};
pub use listing::ListedObject;
pub use local_directory::LocalDirectory;
pub use objects::Objects;
pub use open::open_directory;
pub use usage::{Usage, UsageTotals};
pub use walk::Walk;

#[cfg(test)]
mod tests;
