//! The waist: an ordered transactional key-value interface shaped like FoundationDB's.

mod backoff;
mod bounds;
mod db;
mod embedded;
mod engine;
mod error;
pub mod fdb;
pub mod limits;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod metrics;
mod range;
pub mod redb;
mod tx;
mod watch;

pub use db::Db;
pub use engine::{Attempt, Engine, Isolation, Mutation};
pub use error::Error;
pub use fdb::{FdbEngine, FdbOptions};
#[cfg(any(test, feature = "testing"))]
pub use memory::{FaultSwitch, Faults, MemoryEngine};
pub use metrics::Metrics;
pub use range::{Range, key_after, prefix_end};
pub use redb::{OpenError, RedbEngine};
pub use tx::Tx;
pub use watch::Watch;
