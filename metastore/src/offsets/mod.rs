//! Committed offsets of consumer groups.
//!
//! Owns: offset rows, their index by topic, and their expiry. Does not own: who may commit (`alluvium_model::group`), the
//! groups themselves ([`crate::groups`]). Invariants: an offset is written only while the fence under which its commit was
//! admitted still stands, so never after the next generation has begun; a topic with an offset row is in the index.

mod codec;
mod expiry;
mod key;
mod service;

#[cfg(test)]
mod tests;

pub use codec::CommittedOffset;
pub use expiry::Sweep;
pub use service::Offsets;

pub(crate) use service::{clear_step, purge_step};
