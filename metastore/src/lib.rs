//! Metadata as transactions over an ordered key-value store.
//!
//! Owns: every row that is stored, its key and its codec; each concept once, as transactions over the storage interface
//! ([`kv`]). Does not own: the rules (`alluvium_model`), the bytes of objects, Kafka. Every change of topics and logs
//! appends to the feed in the same transaction, so that a reader of the feed sees all of them.
//!
//! Modules import only those before them in this list: [`kv`], [`keyspace`], [`cluster`], [`nodes`], [`leases`],
//! `extents` and `outcomes`, [`feed`], [`objects`], [`producers`], `transaction_rows`, [`log`], [`topics`], [`groups`],
//! [`offsets`], [`transactions`], [`maintenance`], [`Metastore`], `fixtures`.

pub mod cluster;
mod extents;
pub mod feed;
#[cfg(any(test, feature = "testing"))]
pub mod fixtures;
pub mod groups;
pub mod keyspace;
pub mod kv;
pub mod leases;
pub mod log;
pub mod maintenance;
mod metastore;
pub mod nodes;
pub mod objects;
pub mod offsets;
#[cfg(test)]
mod on_fdb;
mod outcomes;
pub mod producers;
pub mod topics;
mod transaction_rows;
pub mod transactions;

pub use cluster::{Cluster, OpenError};
pub use keyspace::{Error, RowError};
pub use metastore::Metastore;
