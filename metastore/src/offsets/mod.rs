//! Committed offsets of consumer groups.
//!
//! Owns: offset rows and their index by topic. Does not own: which members may commit (`alluvium_model::group`), the
//! groups themselves ([`crate::groups`]), the expiry of offsets and their deletion with a group
//! ([`crate::maintenance`]). Invariants: an offset is written only while the fence under which its commit was admitted
//! is stored, so never after the next generation has begun; a topic with an offset row is in the index.

mod key;
mod pending;
mod row;
mod service;

#[cfg(test)]
pub(crate) mod tests;

pub use row::CommittedOffset;
pub use service::Offsets;

pub(crate) use key::{group_range, index_key, partition_of, topic_range};
pub(crate) use pending::{clear_pending, pending, set, set_pending};
pub(crate) use row::decode;
pub(crate) use service::{PAGE_ROWS_MAX, clear_step, purge_step};
