//! The agent's cached of the cluster, kept up to date by the feed.
//!
//! Owns: topics with typed configs, heads, recent extents (bounded), who waits for which partition. Does not own: the
//! truth (the metastore). Invariants: heads only grow; after [`MetadataCache::sync`] everything committed before the call is in the
//! cached; a change of a partition wakes everyone who began to watch it before the change was applied.

mod cold;
mod error;
mod estimate;
mod handle;
mod head;
mod partitions;
mod tail;
mod topic;
mod topics;
mod waiters;

pub use error::MetadataCacheError;
pub use estimate::bytes_from;
pub use handle::{MetadataCache, Tier};
pub use head::CachedHead;
pub use topic::CachedTopic;
pub use waiters::Watch;

#[cfg(test)]
mod tests;
