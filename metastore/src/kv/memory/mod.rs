//! The engine in memory: the reference for the behaviour of the others, and with [`KvFaults`] the metastore of
//! simulations. It waits only by `tokio::time`, so with paused time and one seed every run is the same.

mod attempt;
mod engine;
mod fault_rng;
mod faults;
mod storage;

pub use engine::MemoryEngine;
pub use faults::{FaultSwitch, KvFaults};
