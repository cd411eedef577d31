//! Partitions' logs: heads, extents, the segment commit, find, trim and swap.
//!
//! Owns: head, extent and outcome rows; with every change of extents, their objects' references. Does not own: the rules
//! (`alluvium_model::log`), which extents to swap or trim, objects' bytes.
//! Invariants: see `alluvium_model::log`; an object's references are the live extents in it.

mod commit;
mod error;
pub(crate) mod extent_row;
mod find;
pub(crate) mod head_row;
pub(crate) mod outcome_row;
mod service;
mod swap;
mod trim;

#[cfg(test)]
mod tests;

pub use error::{LogError, SwapError, TrimError};
pub use service::Log;
pub use swap::NewObject;
