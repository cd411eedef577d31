//! The feed: the ordered list of recent changes of logs and topics, which every agent tails.
//!
//! Owns: feed rows, their positions, the end of the feed. Does not own: what readers do with entries. Invariant: a
//! reader that continues from a position sees every later change of topics and logs, in commit order, or gets the error
//! that entries after its position were trimmed.

mod append;
mod entry;
mod entry_row;
mod key;
mod service;
mod trim;
mod trimmed_row;

#[cfg(test)]
mod tests;

pub(crate) use append::{append, append_all};
pub use entry::{FeedEntry, FeedPosition, PartitionTransactionEnd};
pub use service::{Feed, FeedError};
