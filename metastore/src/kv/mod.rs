//! The storage interface: an ordered transactional key-value store shaped like FoundationDB, and its engines.
//!
//! The files, from the top: `db` (runs transactions), `tx`, the engines `fdb`, `redb` and `memory` (the latter two on
//! `embedded`), then `engine` (the traits), `pending_object`, `validate`, `range`, `watch`, `metrics`, `backoff`,
//! `error`, `limits`.

mod backoff;
mod db;
mod embedded;
mod engine;
mod error;
pub mod fdb;
pub mod limits;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod metrics;
mod pending_object;
mod range;
pub mod redb;
mod tx;
mod validate;
mod watch;

pub use db::Db;
pub use engine::{Attempt, Engine, Isolation, Mutation};
pub use error::Error;
pub use fdb::{FdbEngine, FdbOpenError, FdbOptions};
#[cfg(any(test, feature = "testing"))]
pub use memory::{FaultSwitch, KvFaults, MemoryEngine};
pub use metrics::Metrics;
pub use pending_object::{ObjectName, ObjectWitness, PendingObject, WriteReport};
pub use range::{Range, key_after, prefix_end};
pub use redb::{RedbEngine, RedbOpenError};
pub use tx::Tx;
pub use watch::Watch;
