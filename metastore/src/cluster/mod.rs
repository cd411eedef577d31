//! The cluster: its id, and which format its store is in.

mod open;

pub use open::{Cluster, FORMAT_VERSION, OpenError};
