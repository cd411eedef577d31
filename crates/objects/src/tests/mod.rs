//! Tests of the interface: one suite for every kind of store, then faults.

mod conformance;
mod faulty;
mod simulated;
mod walk;

use std::sync::Arc;

use object_store::memory::InMemory;

use crate::conformance::parts;
use crate::faults::{FaultStore, Faults};
use crate::{Objects, ObjectsConfig};

/// Objects in memory, and the switch for their faults.
fn faulty(config: ObjectsConfig) -> (Objects, Faults) {
    let (store, faults) = FaultStore::new(Arc::new(InMemory::new()));
    (Objects::new(Arc::new(store), "prefix", config), faults)
}
