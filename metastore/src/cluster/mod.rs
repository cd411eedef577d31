//! The cluster: its id, and the format version of its store.
//!
//! Owns: the two rows that identify a store, and the refusal to open a store that a newer program has written.

mod open;
mod row;

pub use open::{Cluster, FORMAT_VERSION, OpenError};
