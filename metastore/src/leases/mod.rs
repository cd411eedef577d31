//! Leases: fenced leases on what one node does alone.
//!
//! Owns: lease rows, and the check that every protected transaction begins with. Does not own: who is alive
//! ([`crate::nodes`]), what is protected (the concepts, which take a [`Lease`]).
//!
//! Invariants: a lease is held by one registration at most; it can be taken from another only once that one's registration
//! is gone; a transaction checked against a lease is committed only if the lease is held at that very point of the order.

mod check;
mod codec;
mod key;
mod service;

#[cfg(test)]
mod tests;

pub use alluvium_model::lease::{Lease, LeaseKey, Role};
pub use check::CheckError;
pub use service::{Leases, Sweep};

pub(crate) use check::{check, from_check};
