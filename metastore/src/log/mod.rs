//! Partitions' logs: heads, extents, the segment commit, find, trim and swap.
//!
//! Owns: head rows; every change of extents, together with the reference counts of their objects, its outcome row and
//! its feed entry. Does not own: the rules (`alluvium_model::log`), which extents to swap or trim, the bytes of
//! objects. Invariants: those of `alluvium_model::log`; an object's reference count is the number of live extents in
//! it.

mod commit;
mod error;
mod find;
mod key;
mod row;
mod service;
mod swap;
mod trim;

#[cfg(test)]
mod tests;

pub use error::{LogError, SwapError, TrimError};
pub use service::Log;
pub use swap::NewObject;

pub(crate) use key::{head_key, topic_heads_prefix};
pub(crate) use row::encode_head;
