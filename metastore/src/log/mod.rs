//! Partitions' logs: heads, extents, the segment commit, find, trim and swap.
//!
//! Owns: head, extent and outcome rows; with every change of extents, their objects' references. Does not own: the rules
//! (`alluvium_model::log`), which extents to swap or trim, objects' bytes.
//! Invariants: see `alluvium_model::log`; an object's references are the live extents in it.

mod error;
mod service;

pub use error::{LogError, SwapError, TrimError};
pub use service::{Log, NewObject};
