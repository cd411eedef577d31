//! The feed: the ordered list of recent changes that agents tail.
//!
//! Owns: feed rows, their positions, the tip. Does not own: what readers make of them.
//! Invariant: whoever reads from a position on sees every later change of topics and logs, in commit order, or is told
//! that it has lagged behind what is kept.

mod append;
mod entry;
mod entry_row;
mod service;
mod trim;

#[cfg(test)]
mod tests;

pub(crate) use append::append;
pub use entry::{FeedEntry, FeedPosition};
pub use service::{Feed, FeedError};
