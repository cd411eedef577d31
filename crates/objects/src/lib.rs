//! Object storage: one small interface over a bucket, a directory or memory.
//!
//! Owns: keys under a prefix, retries within a deadline (`retry.rs`), bounded concurrency, hedged and coalesced reads,
//! the classification of errors (`error.rs`: which are transient, which concern the whole store), usage counters, the
//! store's health (`health.rs`), the check at start-up, a bucket's settings, injected faults. Does not own: what
//! objects contain, caching, which keys exist. Invariants: a `put` that returned is durable (a directory is fsynced); a
//! read gives exactly the bytes requested or an error; every loop, wait and allocation has a limit in
//! [`ObjectsConfig`].

mod aws_http;
mod bucket;
mod coalesce;
mod config;
mod credentials;
mod delete;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod faults;
mod health;
mod listing;
mod local_directory;
mod local_store;
mod location;
mod objects;
mod open;
mod payload;
mod read;
mod retry;
mod suspension;
mod tls;
mod unfinished_uploads;
mod usage;
mod walk;

pub use bucket::{BucketSettings, Expiry, LifecycleRule, Setting, Versioning};
pub use config::{ObjectsConfig, RetryPolicy};
pub use error::{Error, ErrorKind, Operation};
pub use listing::ListedObject;
pub use local_directory::LocalDirectory;
pub use location::{LocationError, S3Location, StoreLocation};
pub use objects::Objects;
pub use open::open;
pub use usage::{Usage, UsageTotals};
pub use walk::Walk;

#[cfg(test)]
mod tests;
