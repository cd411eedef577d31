//! The agent's copy of topics, heads and recent extents, kept up to date by tailing the feed.
//!
//! Owns: topics with typed configs and all requested heads (`cached_partitions`, `topics`), recent extents and
//! looked-up old ones (`cold_extents`), the segments that were announced (`announced_segments`), encoded Metadata
//! responses (`encoded_responses`), all bounded, the task that applies the feed (`feed_tail`), and the watches of
//! long polls (`waiters`). Does not own: the stored state (the metastore).
//!
//! Invariants: the offsets of a head never decrease; after [`MetadataCache::sync`] the cache has everything that was
//! committed before the call; a change of a partition wakes every watch that began before the change was applied.

mod announced_segments;
mod cache;
mod cached_partitions;
mod cold_extents;
mod encoded_responses;
mod error;
mod extents;
mod feed_tail;
mod head;
mod topics;
mod waiters;

pub use announced_segments::AnnouncedSegment;
pub use cache::MetadataCache;
pub use cached_partitions::bytes_from;
pub use encoded_responses::{EncodedResponses, ResponseBasis, ResponseKey};
pub use error::MetadataCacheError;
pub use extents::CachedExtents;
pub use head::CachedHead;
pub use topics::CachedTopic;
pub use waiters::Watch;

#[cfg(test)]
mod tests;
