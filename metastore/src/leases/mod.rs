//! Leases: fenced, exclusive rights to do what only one node may do at a time.
//!
//! Owns: lease rows, and the check that every protected transaction begins with. Does not own: which nodes are alive
//! ([`crate::nodes`]), what a lease protects (the concepts, whose methods take a [`Lease`]).
//!
//! Invariants: at most one registration holds a lease; a node can take it from another only once the registration of
//! that one was removed; a transaction that checks a lease is committed only if the lease is held at the moment of the
//! commit.

mod check;
mod key;
mod row;
mod service;

#[cfg(test)]
mod tests;

pub use alluvium_model::lease::{Lease, LeaseKey, MaintenanceRole};
pub use check::CheckError;
pub use service::{LeaseSweepStep, Leases};

pub(crate) use check::{check, from_check};
