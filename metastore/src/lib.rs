//! Metadata as transactions over an ordered key-value store.
//!
//! Owns: every row that is stored, its key and its codec; each concept once, as transactions over the waist ([`kv`]).
//! Does not own: the rules (`alluvium_model`), objects' bytes, Kafka. Every change of topics and logs writes its feed
//! entry in the same transaction, so whoever follows the feed knows all of them.

pub mod cluster;
pub mod feed;
#[cfg(any(test, feature = "testing"))]
pub mod fixtures;
pub mod groups;
pub mod keyspace;
pub mod kv;
pub mod leases;
pub mod log;
mod metastore;
pub mod nodes;
pub mod objects;
pub mod offsets;
#[cfg(test)]
mod on_fdb;
pub mod producers;
pub mod topics;

pub use cluster::{Cluster, OpenError};
pub use keyspace::{Error, RowError};
pub use metastore::Metastore;
