//! Partitions' logs: heads, extents, the segment commit, find, trim and swap.
//!
//! Owns: the rows of heads, log starts and sizes; every change of extents, together with the references to their
//! objects, its outcome row and its feed entry. Does not own: the rules (`alluvium_model::log`), which extents to swap
//! or trim, the bytes of objects. Invariants: those of `alluvium_model::log`; an object has as many references that
//! were not taken back as live extents lie in it.
//!
//! Swaps and trims commute with commits, so that neither has to try again because of the other. What a commit writes
//! (the head, extents at the end of the log) they read without a conflict, or not at all; what they write (the log
//! start, bytes removed, extents below the end of the log as it was) a commit reads without a conflict, or not at all.
//! Deleting a topic conflicts with all three.

mod commit;
mod error;
mod find;
mod find_with_aborted;
mod key;
mod row;
mod service;
mod start_row;
mod swap;
mod trim;

#[cfg(test)]
mod tests;

pub use error::{LogError, SwapError, TrimError};
pub use find_with_aborted::FoundExtents;
pub use service::Log;
pub use swap::{NewObject, PartitionSwap};

pub(crate) use key::{clear_topic, head_key};
pub(crate) use row::encode_head;
pub(crate) use service::{read_head, read_head_to_change};
