//! The cluster: its id, and the format version of its store.
//!
//! Owns: the two rows that identify a store, and the check that no newer program has written the store.

mod open;
mod row;

pub use open::{Cluster, FORMAT_VERSION, OpenError};
