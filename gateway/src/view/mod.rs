//! The agent's picture of the cluster, kept up to date by the feed.
//!
//! Owns: topics with typed configs, heads, recent extents (bounded), who waits for which partition. Does not own: the
//! truth (the metastore). Invariants: heads only grow; after [`View::sync`] everything committed before the call is in the
//! picture; a change of a partition wakes everyone who began to watch it before the change was applied.

mod cold;
mod error;
mod handle;
mod head;
mod picture;
mod tail;
mod topic;
mod topics;
mod waiters;
mod weigh;

pub use error::ViewError;
pub use handle::{Tier, View};
pub use head::KnownHead;
pub use topic::TopicView;
pub use waiters::Watch;
pub use weigh::bytes_from;

#[cfg(test)]
mod tests;
