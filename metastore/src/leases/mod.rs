//! Leases: fenced claims on what one node does alone.
//!
//! Owns: lease rows, and the check that every protected transaction begins with. Does not own: who is alive
//! ([`crate::nodes`]), what is protected (the concepts, which take a [`Claim`]).
//!
//! Invariants: a lease is held by one registration at most; it can be taken from another only once that one's registration
//! is gone; a transaction checked against a claim is committed only if the claim is held at that very point of the order.

mod check;
mod codec;
mod key;
mod service;

#[cfg(test)]
mod tests;

pub use alluvium_model::lease::{Claim, LeaseKey, Role};
pub use check::CheckError;
pub use service::{Leases, Sweep};

pub(crate) use check::{check, from_check};
